//! A source file with every mutant in it, each behind a switch.
//!
//! An operator whose operands may themselves hold mutants is written once, with the switch around or between them, so that the text grows by a
//! constant for each mutant. A switched operator keeps its operands, where a textual replacement might bind otherwise (`a + b * c`).

use std::collections::{BTreeMap, BTreeSet};

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{BinOp, Expr, UnOp};

use crate::list::{Genre, Mutant};

/// A file with its mutants in it.
pub struct Switched {
    pub text: String,
    /// For each switch: its extent in the new text, and the mutants that live or die with it.
    pub places: Vec<(std::ops::Range<usize>, Vec<usize>)>,
    /// Mutants that have no switch, each with why.
    pub left_out: BTreeMap<usize, &'static str>,
    /// The arms of one match that can be taken out.
    pub arms: Vec<Vec<usize>>,
}

/// Puts these mutants (by number) into a file. `constant` names functions (`Type::name`) that must stay `const`, where nothing can be switched.
pub fn switch(source: &str, mutants: &[(usize, &Mutant)], constant: &BTreeSet<String>) -> Switched {
    let file = syn::parse_file(source).expect("the core's sources parse");
    let mut by_place: BTreeMap<(usize, usize), Vec<(usize, &Mutant)>> = BTreeMap::new();
    for &(number, mutant) in mutants {
        by_place
            .entry(mutant.start)
            .or_default()
            .push((number, mutant));
    }
    let mut finder = Finder {
        source,
        by_place,
        constant,
        of: None,
        is_const: 0,
        edits: Vec::new(),
        left_out: BTreeMap::new(),
        arms: Vec::new(),
    };
    finder.visit_file(&file);
    let Finder {
        by_place,
        edits,
        mut left_out,
        arms,
        ..
    } = finder;
    for (number, _) in by_place.into_values().flatten() {
        left_out.insert(number, "no switch for this kind of place");
    }
    let (text, places) = write(source, edits);
    Switched {
        text,
        places,
        left_out,
        arms,
    }
}

/// A change of the text: `from..to` becomes `text`.
struct Edit {
    from: usize,
    to: usize,
    text: String,
    /// Which change it belongs to: its extent in the source. At one offset wider ones open first and close last.
    extent: (usize, usize),
    numbers: Vec<usize>,
}

struct Finder<'s> {
    source: &'s str,
    by_place: BTreeMap<(usize, usize), Vec<(usize, &'s Mutant)>>,
    constant: &'s BTreeSet<String>,
    /// The type whose functions we are among.
    of: Option<String>,
    /// How many constant contexts we are in.
    is_const: usize,
    edits: Vec<Edit>,
    left_out: BTreeMap<usize, &'static str>,
    arms: Vec<Vec<usize>>,
}

impl Finder<'_> {
    fn take(&mut self, span: proc_macro2::Span, genre: Genre) -> Vec<(usize, String)> {
        let start = span.start();
        let key = (start.line, start.column + 1);
        let Some(found) = self.by_place.get_mut(&key) else {
            return Vec::new();
        };
        let mut taken = Vec::new();
        found.retain(|(number, mutant)| {
            let ours = mutant.genre == genre;
            if ours {
                taken.push((*number, mutant.replacement.clone()));
            }
            !ours
        });
        if self.is_const > 0 {
            for (number, _) in taken.drain(..) {
                self.left_out.insert(number, "in a constant");
            }
        }
        taken
    }

    fn leave_out(&mut self, taken: Vec<(usize, String)>, why: &'static str) {
        for (number, _) in taken {
            self.left_out.insert(number, why);
        }
    }

    fn edit(
        &mut self,
        from: usize,
        to: usize,
        extent: (usize, usize),
        numbers: &[usize],
        text: String,
    ) {
        self.edits.push(Edit {
            from,
            to,
            text,
            extent,
            numbers: numbers.to_vec(),
        });
    }

    /// What stands around an expression.
    fn wrap(&mut self, at: (usize, usize), numbers: &[usize], before: String, behind: String) {
        self.edit(at.0, at.0, at, numbers, before);
        self.edit(at.1, at.1, at, numbers, behind);
    }

    fn body(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let Some(first) = block.stmts.first() else {
            return;
        };
        let taken = self.take(first.span(), Genre::FnValue);
        if matches!(&signature.output, syn::ReturnType::Type(_, kind) if matches!(**kind, syn::Type::ImplTrait(_)))
        {
            // The type that is returned is the body's; of what is iterated either can be.
            let last = block.stmts.last().unwrap_or(first);
            let extent = (offset(first.span()).0, offset(last.span()).1);
            for (number, replacement) in taken {
                let before = format!(
                    "if {} {{ crate::mutants::Either::A({replacement}) }} else {{ crate::mutants::Either::B({{ ",
                    on(number)
                );
                self.wrap(extent, &[number], before, " }) }".into());
            }
            return;
        }
        let extent = (offset(first.span()).0, offset(block.span()).1);
        for (number, replacement) in taken {
            let text = format!("if {} {{ return {replacement}; }} ", on(number));
            self.edit(extent.0, extent.0, extent, &[number], text);
        }
    }

    fn signature(&mut self, signature: &syn::Signature) -> bool {
        let Some(token) = signature.constness else {
            return false;
        };
        let name = match &self.of {
            Some(of) => format!("{of}::{}", signature.ident),
            None => signature.ident.to_string(),
        };
        if self.constant.contains(&name) {
            return true;
        }
        let at = offset(token.span());
        self.edit(at.0, at.1, at, &[], String::new());
        false
    }

    fn within_const(&mut self, is_const: bool, visit: impl FnOnce(&mut Self)) {
        self.is_const += usize::from(is_const);
        visit(self);
        self.is_const -= usize::from(is_const);
    }

    /// Fields that come from `..base` if they are left out. All are computed in their order; then the value is put together.
    fn fields(&mut self, node: &syn::ExprStruct) {
        let Some(base) = &node.rest else {
            return;
        };
        let mut without = Vec::new();
        let mut names = Vec::new();
        for (index, field) in node.fields.iter().enumerate() {
            for (number, _) in self.take(field.span(), Genre::Field) {
                without.push((number, index));
            }
            let syn::Member::Named(name) = &field.member else {
                return;
            };
            names.push(name.to_string());
        }
        if without.is_empty() {
            return;
        }
        let numbers: Vec<usize> = without.iter().map(|(number, _)| *number).collect();
        let at = offset(node.span());
        let path = offset(node.path.span());
        let path = self.source[path.0..path.1].to_owned();
        let mut from = at.0;
        let mut text = "{ ".to_owned();
        for (name, field) in names.iter().zip(&node.fields) {
            let value = offset(field.expr.span());
            text.push_str(&format!("let {name}__ = ("));
            self.edit(from, value.0, at, &numbers, text);
            (from, text) = (value.1, "); ".to_owned());
        }
        let value = offset(base.span());
        text.push_str("let base__ = (");
        self.edit(from, value.0, at, &numbers, text);
        let whole = |left_out: usize| {
            let mut text = format!("{path} {{ ");
            for (_, name) in names
                .iter()
                .enumerate()
                .filter(|(index, _)| *index != left_out)
            {
                text.push_str(&format!("{name}: {name}__, "));
            }
            text + "..base__ }"
        };
        let mut text = "); ".to_owned();
        for (number, index) in without {
            text.push_str(&format!("if {} {{ {} }} else ", on(number), whole(index)));
        }
        text.push_str(&format!("{{ {} }} }}", whole(usize::MAX)));
        self.edit(value.1, at.1, at, &numbers, text);
    }

    fn binary(&mut self, node: &syn::ExprBinary) {
        let taken = self.take(node.op.span(), Genre::Binary);
        if taken.is_empty() {
            return;
        }
        let at = offset(node.span());
        let op = (offset(node.left.span()).1, offset(node.right.span()).0);
        let numbers: Vec<usize> = taken.iter().map(|(number, _)| *number).collect();
        let one = on(numbers[0]);
        // Without the comments around it.
        let sign = offset(node.op.span());
        let written = self.source[sign.0..sign.1].to_owned();
        match node.op {
            BinOp::And(_) | BinOp::Or(_) if is_let(&node.left) || is_let(&node.right) => {
                self.leave_out(taken, UNVIABLE);
            }
            BinOp::And(_) => {
                self.wrap(
                    at,
                    &numbers,
                    "(if (".into(),
                    format!(" }} else {{ {one} }})"),
                );
                self.edit(op.0, op.1, at, &numbers, format!(") != {one} {{ "));
            }
            BinOp::Or(_) => {
                self.wrap(
                    at,
                    &numbers,
                    "(if (".into(),
                    format!(" }} else {{ !{one} }})"),
                );
                self.edit(op.0, op.1, at, &numbers, format!(") == {one} {{ "));
            }
            BinOp::Eq(_) | BinOp::Ne(_) => {
                self.wrap(at, &numbers, "((".into(), format!(") ^ {one})"));
            }
            BinOp::Lt(_) | BinOp::Le(_) | BinOp::Gt(_) | BinOp::Ge(_) => {
                let either = either(&taken, &written, "*l__", "*r__");
                self.wrap(
                    at,
                    &numbers,
                    "(match (&(".into(),
                    format!(")) {{ (l__, r__) => {either} }})"),
                );
                self.edit(op.0, op.1, at, &numbers, "), &(".into());
            }
            _ if assigns(&node.op) => {
                // The place is read as it stands; nothing in it can be switched.
                let place = self.source[at.0..op.0].to_owned();
                let either = either(&taken, &written, &place, "r__");
                self.edit(at.0, op.1, at, &numbers, "(match (".into());
                self.edit(
                    at.1,
                    at.1,
                    at,
                    &numbers,
                    format!(") {{ r__ => {either} }})"),
                );
                self.within_const(true, |finder| finder.visit_expr(&node.left));
            }
            _ => {
                let either = either(&taken, &written, "l__", "r__");
                self.wrap(
                    at,
                    &numbers,
                    "(match (".into(),
                    format!(") {{ (l__, r__) => {either} }})"),
                );
                self.edit(op.0, op.1, at, &numbers, ", ".into());
            }
        }
    }
}

const UNVIABLE: &str = "does not compile: a condition with `let`";

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_fn(&mut self, node: &'ast syn::ItemFn) {
        let is_const = self.signature(&node.sig);
        self.within_const(is_const, |finder| {
            finder.body(&node.sig, &node.block);
            visit::visit_item_fn(finder, node);
        });
    }

    fn visit_item_impl(&mut self, node: &'ast syn::ItemImpl) {
        let of = match &*node.self_ty {
            syn::Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
            _ => None,
        };
        let outside = std::mem::replace(&mut self.of, of);
        visit::visit_item_impl(self, node);
        self.of = outside;
    }

    fn visit_impl_item_fn(&mut self, node: &'ast syn::ImplItemFn) {
        let is_const = self.signature(&node.sig);
        self.within_const(is_const, |finder| {
            finder.body(&node.sig, &node.block);
            visit::visit_impl_item_fn(finder, node);
        });
    }

    fn visit_trait_item_fn(&mut self, node: &'ast syn::TraitItemFn) {
        if let Some(block) = &node.default {
            self.body(&node.sig, block);
        }
        visit::visit_trait_item_fn(self, node);
    }

    fn visit_item_const(&mut self, node: &'ast syn::ItemConst) {
        self.within_const(true, |finder| visit::visit_item_const(finder, node));
    }

    fn visit_item_static(&mut self, node: &'ast syn::ItemStatic) {
        self.within_const(true, |finder| visit::visit_item_static(finder, node));
    }

    fn visit_impl_item_const(&mut self, node: &'ast syn::ImplItemConst) {
        self.within_const(true, |finder| visit::visit_impl_item_const(finder, node));
    }

    fn visit_trait_item_const(&mut self, node: &'ast syn::TraitItemConst) {
        self.within_const(true, |finder| visit::visit_trait_item_const(finder, node));
    }

    fn visit_variant(&mut self, node: &'ast syn::Variant) {
        self.within_const(true, |finder| visit::visit_variant(finder, node));
    }

    fn visit_type(&mut self, node: &'ast syn::Type) {
        self.within_const(true, |finder| visit::visit_type(finder, node));
    }

    fn visit_expr_repeat(&mut self, node: &'ast syn::ExprRepeat) {
        self.visit_expr(&node.expr);
        self.within_const(true, |finder| finder.visit_expr(&node.len));
    }

    fn visit_expr_const(&mut self, node: &'ast syn::ExprConst) {
        self.within_const(true, |finder| visit::visit_expr_const(finder, node));
    }

    fn visit_pat(&mut self, node: &'ast syn::Pat) {
        self.within_const(true, |finder| visit::visit_pat(finder, node));
    }

    fn visit_expr_binary(&mut self, node: &'ast syn::ExprBinary) {
        self.binary(node);
        if assigns(&node.op) {
            self.visit_expr(&node.right);
        } else {
            visit::visit_expr_binary(self, node);
        }
    }

    fn visit_expr_unary(&mut self, node: &'ast syn::ExprUnary) {
        if matches!(node.op, UnOp::Not(_) | UnOp::Neg(_)) {
            let taken = self.take(node.op.span(), Genre::Unary);
            if let Some(&(number, _)) = taken.first() {
                let at = offset(node.span());
                let operand = offset(node.expr.span());
                let op = self.source[at.0..operand.0].trim().to_owned();
                self.edit(at.0, operand.0, at, &[number], "(match (".into());
                let one = on(number);
                let behind = format!(") {{ v__ => if {one} {{ v__ }} else {{ {op}v__ }} }})");
                self.edit(at.1, at.1, at, &[number], behind);
            }
        }
        visit::visit_expr_unary(self, node);
    }

    fn visit_expr_struct(&mut self, node: &'ast syn::ExprStruct) {
        self.fields(node);
        visit::visit_expr_struct(self, node);
    }

    fn visit_expr_match(&mut self, node: &'ast syn::ExprMatch) {
        let mut arms = Vec::new();
        for arm in &node.arms {
            let start = arm.span().start();
            if let Some(mutants) = self.by_place.get(&(start.line, start.column + 1)) {
                arms.extend(
                    mutants
                        .iter()
                        .filter(|(_, mutant)| mutant.genre == Genre::Arm)
                        .map(|(number, _)| *number),
                );
            }
        }
        self.arms.push(arms);
        visit::visit_expr_match(self, node);
    }

    fn visit_arm(&mut self, node: &'ast syn::Arm) {
        let taken = self.take(node.span(), Genre::Arm);
        if let Some(&(number, _)) = taken.first() {
            let end = offset(node.pat.span()).1;
            let text = format!(" if !{}", on(number));
            self.edit(end, end, (end, end), &[number], text);
        }
        if let Some((_, guard)) = &node.guard {
            let taken = self.take(guard.span(), Genre::Guard);
            if is_let(guard) {
                self.leave_out(taken, "a guard with `let`");
            } else if !taken.is_empty() {
                let numbers: Vec<usize> = taken.iter().map(|(number, _)| *number).collect();
                let mut before = String::from("(");
                let mut behind = String::from(")");
                for (number, replacement) in &taken {
                    match replacement.as_str() {
                        "true" => before = format!("({} || {before}", on(*number)),
                        _ => behind = format!("{behind}) && !{}", on(*number)),
                    }
                }
                if !before.contains("||") {
                    before.insert(0, '(');
                }
                if !behind.contains("&&") {
                    behind.push(')');
                }
                self.wrap(offset(guard.span()), &numbers, before, behind);
            }
        }
        visit::visit_arm(self, node);
    }
}

/// Whether an operator changes its left side.
fn assigns(op: &BinOp) -> bool {
    matches!(
        op,
        BinOp::AddAssign(_)
            | BinOp::SubAssign(_)
            | BinOp::MulAssign(_)
            | BinOp::DivAssign(_)
            | BinOp::RemAssign(_)
            | BinOp::BitXorAssign(_)
            | BinOp::BitAndAssign(_)
            | BinOp::BitOrAssign(_)
            | BinOp::ShlAssign(_)
            | BinOp::ShrAssign(_)
    )
}

/// Whether one side of a condition is a `let`.
fn is_let(expr: &Expr) -> bool {
    match expr {
        Expr::Let(_) => true,
        Expr::Binary(node) if matches!(node.op, BinOp::And(_)) => {
            is_let(&node.left) || is_let(&node.right)
        }
        _ => false,
    }
}

fn on(number: usize) -> String {
    format!("crate::mutants::on({number})")
}

/// The operator, or what it becomes under each mutant.
fn either(taken: &[(usize, String)], op: &str, left: &str, right: &str) -> String {
    let mut text = String::new();
    for (number, replacement) in taken {
        text.push_str(&format!(
            "if {} {{ {left} {replacement} {right} }} else ",
            on(*number)
        ));
    }
    text.push_str(&format!("{{ {left} {op} {right} }}"));
    text
}

/// The extent of a span in bytes.
fn offset(span: proc_macro2::Span) -> (usize, usize) {
    let range = span.byte_range();
    (range.start, range.end)
}

/// Where a text holds mutants, and which.
type Places = Vec<(std::ops::Range<usize>, Vec<usize>)>;

/// Carries changes out.
fn write(source: &str, edits: Vec<Edit>) -> (String, Places) {
    // What closes at an offset comes before what opens there; wide things open first and close last.
    let mut edits: Vec<(usize, Edit)> = edits.into_iter().enumerate().collect();
    edits.sort_by_key(|(order, edit)| {
        let opens = edit.from == edit.extent.0;
        let width = edit.extent.1 - edit.extent.0;
        // Of two changes with the same extent the second one is inside.
        let key = if opens {
            (usize::MAX - width, *order)
        } else {
            (width, usize::MAX - order)
        };
        (edit.from, opens, key)
    });
    let mut text = String::with_capacity(source.len() * 3);
    let mut at = 0;
    let mut places = Places::new();
    for (_, edit) in edits {
        text.push_str(&source[at..edit.from.max(at)]);
        let start = text.len();
        text.push_str(&edit.text);
        if !edit.numbers.is_empty() {
            places.push((start..text.len(), edit.numbers));
        }
        at = edit.to.max(at);
    }
    text.push_str(&source[at..]);
    (text, places)
}
