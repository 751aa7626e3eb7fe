//! Sizes that depend on the image, as nodes.
//!
//! Comes in: symbolic sizes. Goes out: names of lists of one whole number. Guaranteed: each size is computed once, from
//! the image's own shape, so a model takes every size that the spec takes.

use phg_compiler::ir::dim::{Dim, Factor, Symbol};

use crate::graph::Graph;
use crate::proto::Attribute;

/// Reads batch, rows and columns off the image.
pub(crate) fn of_image(graph: &mut Graph<'_>, image: &str) {
    let shape = graph.node("sizes.image", "Shape", [image.to_owned()], Vec::new());
    for (axis, symbol) in [(0, Symbol::N), (2, Symbol::H), (3, Symbol::W)] {
        let index = graph.ints(&[axis]);
        let axis = vec![Attribute::int("axis", 0)];
        let name = graph.node(&format!("sizes.{symbol:?}"), "Gather", [shape.clone(), index], axis);
        graph.sizes.insert(Dim::symbol(symbol), name);
    }
}

/// A size as a list of one number.
pub(crate) fn size(graph: &mut Graph<'_>, dim: &Dim) -> String {
    if let Some(value) = dim.as_constant() {
        return graph.ints(&[value]);
    }
    if let Some(name) = graph.sizes.get(dim) {
        return name.clone();
    }
    let wish = "sizes.computed";
    let mut sum: Option<String> = None;
    for (factors, coefficient) in dim.monomials() {
        let mut product: Option<String> = None;
        for factor in factors {
            let name = match factor {
                Factor::Symbol(symbol) => size(graph, &Dim::symbol(symbol)),
                Factor::Floor { of, by } => floor(graph, of, by),
            };
            product = Some(match product {
                None => name,
                Some(others) => graph.node(wish, "Mul", [others, name], Vec::new()),
            });
        }
        let constant = graph.ints(&[coefficient]);
        let term = match product {
            None => constant,
            Some(product) if coefficient == 1 => product,
            Some(product) => graph.node(wish, "Mul", [product, constant], Vec::new()),
        };
        sum = Some(match sum {
            None => term,
            Some(others) => graph.node(wish, "Add", [others, term], Vec::new()),
        });
    }
    let name = sum.unwrap_or_default();
    graph.sizes.insert(dim.clone(), name.clone());
    name
}

/// `floor(of / by)`. ONNX divides whole numbers towards zero, and its remainder has the sign of the divisor: where `of` may
/// be negative, as in `floor((1 - H) / 2)`, the remainder is taken off first.
fn floor(graph: &mut Graph<'_>, of: &Dim, by: i64) -> String {
    let wish = "sizes.computed";
    let negative = of.monomials().any(|(_, coefficient)| coefficient < 0);
    let (mut whole, by) = (size(graph, of), graph.ints(&[by]));
    if negative {
        let rest = graph.node(wish, "Mod", [whole.clone(), by.clone()], Vec::new());
        whole = graph.node(wish, "Sub", [whole, rest], Vec::new());
    }
    graph.node(wish, "Div", [whole, by], Vec::new())
}

/// Several sizes as one list.
pub(crate) fn list(graph: &mut Graph<'_>, dims: &[Dim]) -> String {
    let constants: Option<Vec<i64>> = dims.iter().map(Dim::as_constant).collect();
    if let Some(values) = constants {
        return graph.ints(&values);
    }
    let parts: Vec<String> = dims.iter().map(|dim| size(graph, dim)).collect();
    graph.node("sizes.list", "Concat", parts, vec![Attribute::int("axis", 0)])
}
