//! Lints: what the spec binds and nobody reads.

use super::Checker;
use super::table::Unused;
use crate::ast::ItemKind;
use crate::diag::{Diag, codes};
use crate::source::FileId;

/// The file that the user handed in: others are somebody else's to tidy.
const OWN: FileId = FileId(0);

impl Checker<'_, '_> {
    pub(super) fn unused(&self) -> Vec<Diag> {
        let mut found = Vec::new();
        for bound in self.table.all.iter().filter(|bound| !bound.used) {
            let Some(span) = bound.span.filter(|span| span.file == OWN) else { continue };
            let (code, what) = match bound.unused {
                Unused::Fine => continue,
                Unused::Param => (&codes::LINT_UNUSED_PARAM, "the parameter"),
                Unused::Name => (&codes::LINT_UNUSED_NAME, "the name"),
            };
            let diag =
                Diag::new(code, format!("{what} `{}` is never used", bound.name), span, "nobody reads it");
            found.push(diag.help(format!("remove it, or call it `_{}`", bound.name)));
        }
        let root = self.program.modules.first().filter(|module| module.file == OWN);
        for item in root.iter().flat_map(|module| &module.ast.items) {
            let ItemKind::Use(import) = &item.kind else { continue };
            for (there, here) in &import.names {
                let name = here.as_ref().unwrap_or(there);
                if !self.used_blocks.contains(name.node.as_str()) {
                    let message = format!("the import `{}` is never used", name.node);
                    let diag = Diag::new(&codes::LINT_UNUSED_NAME, message, name.span, "nobody calls it");
                    found.push(diag.help("remove it from the list"));
                }
            }
        }
        found
    }
}
