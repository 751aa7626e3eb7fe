//! The parser that pest makes of `grammar/phg.pest`: one [`Rule`] for each rule there, with its comment.
#![allow(missing_docs, unreachable_pub)] // pest's derive gives `EOI` no comment, and makes everything public.

use pest_derive::Parser;

/// The parser.
#[derive(Parser)]
#[grammar = "../grammar/phg.pest"]
pub(super) struct Grammar;
