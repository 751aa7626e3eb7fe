//! Source files and places in them.
//!
//! Comes in: text from wherever the caller keeps it. Goes out: [`Span`]s that name a file and a byte range.
//! The compiler never opens a file itself: imports go through [`Provider`].

use std::sync::Arc;

use serde::Serialize;

/// What messages call the text of `--set`.
pub const COMMAND_LINE: &str = "<command line>";

/// A file in a [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct FileId(pub u32);

/// A byte range in a file. Never optional, never a dummy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The range of `file` from byte `start` up to `end`.
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        let clamp = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Self { file, start: clamp(start), end: clamp(end) }
    }

    /// From the start of `self` to the end of `other`.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { end: other.end.max(self.end), ..self }
    }
}

/// Something and where it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spanned<T> {
    /// The thing.
    pub node: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// `node` at `span`.
    pub fn new(node: T, span: Span) -> Self {
        Self { node, span }
    }
}

/// One source file.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// What messages call it: the path as the user wrote it, or `std/resnet.phg`.
    pub name: String,
    /// Its text.
    pub text: Arc<str>,
}

/// Every file that took part in a compilation.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Adds a file.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> FileId {
        self.files.push(SourceFile { name: name.into(), text: text.into() });
        FileId(self.files.len() as u32 - 1)
    }

    /// The files, in the order of their ids.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// A file's name.
    pub fn name(&self, file: FileId) -> &str {
        self.files.get(file.0 as usize).map_or("", |f| f.name.as_str())
    }

    /// A file's text.
    pub fn text(&self, file: FileId) -> &str {
        self.files.get(file.0 as usize).map_or("", |f| f.text.as_ref())
    }

    /// The text that a span covers; empty when it is out of range.
    pub fn slice(&self, span: Span) -> &str {
        self.text(span.file).get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// Line and column of a span's start, both from 1; the column counts characters.
    pub fn line_column(&self, span: Span) -> (usize, usize) {
        let text = self.text(span.file);
        let mut start = (span.start as usize).min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// A file's text, to be kept: nothing is copied.
    pub fn shared(&self, file: FileId) -> Arc<str> {
        self.files.get(file.0 as usize).map_or_else(|| Arc::from(""), |f| Arc::clone(&f.text))
    }
}

/// Where imported and extended specs come from.
pub trait Provider {
    /// The text of the spec that `path`, written in the file called `from`, refers to, and the name that
    /// messages should give it (also the `from` of its own imports).
    ///
    /// # Errors
    /// One line that says why it cannot be had, such as `no such file`.
    fn load(&self, from: &str, path: &str) -> Result<(String, String), String>;
}

/// A provider that has nothing: specs may import the standard library only.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl Provider for NoFiles {
    fn load(&self, _from: &str, path: &str) -> Result<(String, String), String> {
        Err(format!("`{path}` cannot be read here: no files are at hand"))
    }
}
