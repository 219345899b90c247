//! The part of a file a diagnostic is drawn on: a few whole lines, or a piece of one that is too
//! long for any screen.

use std::sync::Arc;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use crate::source::SourceFile;
use crate::visible::{same_length, visible};

/// The longest line drawn whole, in bytes.
const MAX_LINE: usize = 400;
/// What is drawn of a longer one before and after the place.
const BEFORE: usize = 60;
const AFTER: usize = 120;

/// A file to draw on; cloning shares its text.
#[derive(Clone, Debug)]
pub(super) struct Excerpt {
    file: SourceFile,
    name: String,
    text: Arc<str>,
}

impl Excerpt {
    /// A file with every hidden character made visible, in the same places.
    pub(super) fn new(file: &SourceFile) -> Self {
        Self {
            file: file.clone(),
            name: visible(file.name()).into_owned(),
            text: Arc::from(same_length(file.text()).as_ref()),
        }
    }

    /// Whether this is an excerpt of a file.
    pub(super) fn is_of(&self, file: &SourceFile) -> bool {
        self.file.name() == file.name() && std::ptr::eq(self.file.text(), file.text())
    }

    /// A span as far as it can be drawn.
    pub(super) fn place(&self, start: usize, len: usize) -> (usize, usize) {
        let start = start.min(self.text.len());
        let len = len.min(self.text.len() - start);
        let (from, to) = self.line(start);
        if to - from <= MAX_LINE { (start, len) } else { (start, len.min(self.boundary(start + AFTER) - start)) }
    }

    /// Where the line around an offset begins and ends, without its line end.
    fn line(&self, offset: usize) -> (usize, usize) {
        let from = self.text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let to = self.text.get(offset..).and_then(|after| after.find('\n')).map_or(self.text.len(), |at| offset + at);
        (from, to)
    }

    /// The next place at or after an offset where a character begins.
    fn boundary(&self, offset: usize) -> usize {
        (offset..self.text.len()).find(|at| self.text.is_char_boundary(*at)).unwrap_or(self.text.len())
    }

    /// The range that is drawn around a span.
    fn range(&self, span: &SourceSpan, before: usize, after: usize) -> (usize, usize) {
        if before == 0 && after == 0 {
            let start = span.offset().min(self.text.len());
            return (start, (start + span.len()).min(self.text.len()));
        }
        let (mut from, to) = self.line(span.offset().min(self.text.len()));
        if to - from > MAX_LINE {
            let from = self.boundary(span.offset().saturating_sub(BEFORE).max(from));
            return (from, self.boundary((span.offset() + AFTER).min(to)).min(to));
        }
        let (_, mut to) = self.line((span.offset() + span.len()).min(self.text.len()));
        for _ in 0..before {
            let (start, end) = self.line(from.saturating_sub(1));
            if from == 0 || end - start > MAX_LINE {
                break;
            }
            from = start;
        }
        for _ in 0..after {
            let (start, end) = self.line((to + 1).min(self.text.len()));
            if to >= self.text.len() || end - start > MAX_LINE {
                break;
            }
            to = end;
        }
        (from, to)
    }
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (from, to) = self.range(span, before, after);
        let drawn = self.text.get(from..to).ok_or(MietteError::OutOfBounds)?;
        let above = self.text.get(..from).unwrap_or("");
        let line = above.bytes().filter(|byte| *byte == b'\n').count();
        let column = from - self.line(from).0;
        let contents = MietteSpanContents::new_named(
            self.name.clone(),
            drawn.as_bytes(),
            SourceSpan::from((from, to - from)),
            line,
            column,
            drawn.lines().count(),
        );
        Ok(Box::new(contents))
    }
}
