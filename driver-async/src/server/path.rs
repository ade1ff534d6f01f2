//! Temporary.
#![allow(missing_docs, unreachable_pub)]
/// Path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct VirtualPath(Vec<Vec<u8>>);
impl VirtualPath {
    pub fn root() -> Self {
        Self::default()
    }
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(Vec::as_slice)
    }
    pub fn from_components(names: Vec<Vec<u8>>) -> Self {
        Self(names)
    }
}
