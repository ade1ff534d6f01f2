//! The directories of a tree, and what waits for them.

use alloc::vec::Vec;

use super::found::Listing;
use super::path::{self, LocalPath};
use super::work::Job;

/// A directory by its number.
pub(super) type NodeId = usize;

/// A directory, on both sides: its name is the same on either.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) parent: Option<NodeId>,
    pub(super) name: Vec<u8>,
    pub(super) depth: u16,
    /// To be deleted with all that is in it.
    pub(super) doomed: bool,
    pub(super) unique: Option<Vec<u8>>,
    /// Whether it is there in the target.
    pub(super) target: Target,
    pub(super) source_listing: Option<Listing>,
    pub(super) target_listing: Option<Listing>,
    /// What can only be done once it is there in the target.
    pub(super) waiting: Vec<Job>,
    /// Things in it that are still there, if it is to be deleted; those that stay among them.
    pub(super) open: usize,
}

/// Whether a directory is there in the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The root, before anybody looked.
    Unknown,
    Missing,
    Making,
    /// Making it was refused: perhaps because it is there.
    Probing,
    There,
    Failed,
}

impl Node {
    pub(super) fn new(parent: Option<NodeId>, name: Vec<u8>, depth: u16, target: Target) -> Self {
        Node {
            parent,
            name,
            depth,
            doomed: false,
            unique: None,
            target,
            source_listing: None,
            target_listing: None,
            waiting: Vec::new(),
            open: 0,
        }
    }
}

/// All directories that were met.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    nodes: Vec<Node>,
}

impl Nodes {
    pub(super) fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    pub(super) fn get(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id)
    }

    pub(super) fn get_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(id)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.nodes.iter_mut()
    }

    /// Names from the root down, without that of the root.
    fn names(&self, id: NodeId, name: Option<&[u8]>) -> Vec<Vec<u8>> {
        let mut names: Vec<Vec<u8>> = name.map(<[u8]>::to_vec).into_iter().collect();
        let mut at = self.get(id);
        while let Some(node) = at {
            if node.parent.is_some() {
                names.push(node.name.clone());
            }
            at = node.parent.and_then(|parent| self.get(parent));
        }
        names.reverse();
        names
    }

    /// The path below the root, with `/` between names.
    pub(super) fn path(&self, id: NodeId, name: Option<&[u8]>) -> Vec<u8> {
        self.names(id, name).join(&b'/')
    }

    /// Where it is on this side.
    pub(super) fn local(&self, id: NodeId, name: Option<&[u8]>) -> LocalPath {
        LocalPath::new(self.names(id, name))
    }

    /// Where it is on the server, below `root`.
    pub(super) fn remote(&self, root: &[u8], id: NodeId, name: Option<&[u8]>) -> Vec<u8> {
        let join = |path: Vec<u8>, name: &Vec<u8>| path::join(&path, name);
        self.names(id, name).iter().fold(root.to_vec(), join)
    }

    /// Whether a directory above, or this one, is called so by the server.
    pub(super) fn has_above(&self, id: NodeId, unique: &[u8]) -> bool {
        let mut at = self.get(id);
        while let Some(node) = at {
            if node.unique.as_deref() == Some(unique) {
                return true;
            }
            at = node.parent.and_then(|parent| self.get(parent));
        }
        false
    }
}
