//! From parser events to the tree, with an explicit stack: depth costs no recursion.

use std::collections::BTreeMap;

use serde_saphyr::granit_parser::{Event, Options, Parser, ScalarStyle, Span as EventSpan};

use crate::diagnostic::{Diagnostic, Edit, Findings};
use crate::source::{SourceFile, Span, Spanned};

use super::{Node, NodeKind, Scalar};

/// The deepest nesting: nothing in the language nests beyond a dozen.
pub const MAX_DEPTH: usize = 64;

/// The most nodes in one file: a generated runbook of 100,000 guarded steps has a million.
pub const MAX_NODES: usize = 1 << 20;

/// The most characters of a line that a help quotes: a longer one is not typed again.
const MAX_QUOTED: usize = 120;

/// The most items of one list and keys of one map: a generated runbook has 100,000 steps.
const MAX_ITEMS: usize = 1 << 17;

/// How many keys most maps have at most: room for more is made when they come.
const USUAL_ENTRIES: usize = 2;

/// From how many keys a map's keys are looked up in an index rather than one by one.
const INDEX_FROM: usize = 16;

/// Parses a text. Everything refused is reported; `None` when nothing usable is left.
pub fn parse(file: &SourceFile, findings: &mut Findings) -> Option<Node> {
    let mut builder = Builder { file, findings, stack: Vec::new(), root: None, nodes: 0, documents: 0 };
    let mut options = Options::default();
    options.emit_unresolved_aliases = true;
    options.block_nesting_limit = MAX_DEPTH + 1;
    options.flow_nesting_limit = MAX_DEPTH + 1;
    let mut parser = Parser::new_from_str_with_options(file.text(), options);
    while let Some(next) = parser.next_event() {
        match next {
            Ok((event, span)) => {
                if builder.event(event, span).is_none() {
                    break;
                }
            }
            Err(error) => {
                builder.syntax(error.marker().byte_offset(), &error.to_string());
                break;
            }
        }
    }
    builder.finish()
}

/// A collection whose end has not come yet.
enum Open {
    List { items: Vec<Node>, span: Span },
    Map(OpenMap),
}

struct OpenMap {
    entries: Vec<(Spanned<String>, Node)>,
    /// The key whose value comes next.
    key: Option<Spanned<String>>,
    /// Where each key stands, once there are many.
    index: BTreeMap<String, usize>,
    span: Span,
}

impl OpenMap {
    /// Takes a key and a value in turn.
    fn put(&mut self, node: Node, findings: &mut Findings) {
        let Some(key) = self.key.take() else {
            self.key = Some(self.key_of(node, findings));
            return;
        };
        if self.entries.len() >= INDEX_FROM {
            self.index.insert(key.value.clone(), self.entries.len());
        }
        self.entries.push((key, node));
    }

    fn key_of(&mut self, node: Node, findings: &mut Findings) -> Spanned<String> {
        let span = node.span;
        let key = match node.kind {
            NodeKind::Scalar(scalar) if !scalar.text.is_empty() => scalar,
            NodeKind::Scalar(_) | NodeKind::List(_) | NodeKind::Map(_) => {
                let finding = findings.error("yaml-key", "a key must be a plain word", span);
                findings.push(finding.help("quote the value if `{`, `[` or `?` was meant as text"));
                return Spanned::new(format!("?{}", span.start), span);
            }
        };
        if key.text == "<<" && !key.quoted {
            let finding = findings.error("yaml-merge-key", "merge keys are not part of the language", span);
            findings.push(finding.help("write the keys out"));
        }
        if self.entries.len() == INDEX_FROM {
            self.index = self.entries.iter().enumerate().map(|(at, (key, _))| (key.value.clone(), at)).collect();
        }
        let earlier = match self.entries.len() < INDEX_FROM {
            true => self.entries.iter().find(|(known, _)| known.value == key.text),
            false => self.index.get(&key.text).and_then(|at| self.entries.get(*at)),
        };
        if let Some((earlier, _)) = earlier {
            let message = format!("the key `{}` stands here twice", key.text);
            let finding = findings.error("yaml-duplicate-key", message, span);
            let finding = finding.also(findings.loc(earlier.span), "first here");
            findings.push(finding.help("remove one of them"));
        }
        Spanned::new(key.text, span)
    }
}

struct Builder<'a> {
    file: &'a SourceFile,
    findings: &'a mut Findings,
    stack: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    documents: usize,
}

impl Builder<'_> {
    /// Takes one event; `None` ends the parse.
    fn event(&mut self, event: Event<'_>, at: EventSpan) -> Option<()> {
        let span = place(&at);
        match event {
            Event::DocumentStart(..) => return self.document(span),
            Event::Scalar(text, style, anchor, tag) => {
                self.properties(anchor, tag.map(|tag| tag.original()), &at, span);
                let scalar = self.scalar(text.into_owned(), style, span);
                self.put(Node { kind: NodeKind::Scalar(scalar), span })?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.properties(anchor, tag.map(|tag| tag.original()), &at, span);
                self.open(Open::List { items: Vec::new(), span })?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.properties(anchor, tag.map(|tag| tag.original()), &at, span);
                let entries = Vec::with_capacity(USUAL_ENTRIES);
                let map = OpenMap { entries, key: None, index: BTreeMap::new(), span };
                self.open(Open::Map(map))?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span)?,
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.refuse("yaml-anchor", "aliases are not part of the language", span, |text| {
                    format!("quote it: `'{text}'`, or write the value out")
                });
                self.put(null(span))?;
            }
            _ => {}
        }
        if self.nodes > MAX_NODES {
            return self.too_large(&format!("the file has more than {MAX_NODES} values"), span);
        }
        (!self.findings.is_full()).then_some(())
    }

    /// Reports that something is larger than it may be; nothing more is read.
    fn too_large(&mut self, message: &str, at: Span) -> Option<()> {
        self.findings.push(self.findings.error("yaml-size", message, at));
        None
    }

    fn document(&mut self, span: Span) -> Option<()> {
        self.documents += 1;
        if self.documents == 1 {
            return Some(());
        }
        let finding = self.findings.error("yaml-document", "a file holds one document", span);
        self.findings.push(finding.help("move what follows `---` to a file of its own"));
        None
    }

    /// Refuses tags and anchors, and goes on as if they were not there.
    fn properties(&mut self, anchor: usize, tag: Option<String>, at: &EventSpan, span: Span) {
        if let Some(tag) = tag {
            let start = at.tag_start.and_then(|mark| mark.byte_offset()).unwrap_or(span.start);
            let line = self.line_rest(start);
            let place = Span::new(start, (start + tag.len()).min(self.file.text().len()));
            let finding = self.findings.error("yaml-tag", format!("`{tag}` is a YAML tag here"), place);
            let finding = self.quoting(finding, start);
            self.findings.push(finding.help(format!("quote it: `'{line}'`")));
        }
        if anchor != 0 {
            let before = self.file.text().get(..span.start).unwrap_or("");
            let start = before.rfind('&').unwrap_or(span.start);
            let line = self.line_rest(start);
            let name = line.split_whitespace().next().unwrap_or("&").len();
            let place = Span::new(start, start + name);
            let finding = self.findings.error("yaml-anchor", "anchors are not part of the language", place);
            let finding = self.quoting(finding, start);
            self.findings.push(finding.help(format!("quote it: `'{line}'`")));
        }
    }

    fn scalar(&self, text: String, style: ScalarStyle, span: Span) -> Scalar {
        let written = self.file.slice(span);
        let quoted = !matches!(style, ScalarStyle::Plain);
        let opening = usize::from(matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted));
        let inner = written.get(opening..written.len().saturating_sub(opening)).unwrap_or("");
        let verbatim = !matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) && inner == text;
        Scalar { text, quoted, verbatim, text_start: span.start + opening }
    }

    fn open(&mut self, collection: Open) -> Option<()> {
        if self.stack.len() >= MAX_DEPTH {
            let (Open::List { span, .. } | Open::Map(OpenMap { span, .. })) = collection;
            let message = format!("this is nested more than {MAX_DEPTH} deep");
            self.findings.push(self.findings.error("yaml-depth", message, span));
            return None;
        }
        self.stack.push(collection);
        Some(())
    }

    fn close(&mut self, end: Span) -> Option<()> {
        let node = match self.stack.pop() {
            Some(Open::List { items, span }) => Node { kind: NodeKind::List(items), span: span.to(end) },
            Some(Open::Map(map)) => Node { kind: NodeKind::Map(map.entries), span: map.span.to(end) },
            None => return Some(()),
        };
        self.put(node)
    }

    /// Puts a finished node where it belongs.
    fn put(&mut self, node: Node) -> Option<()> {
        self.nodes += 1;
        let at = node.span;
        let held = match self.stack.last_mut() {
            None => {
                self.root.get_or_insert(node);
                return Some(());
            }
            Some(Open::List { items, .. }) => {
                items.push(node);
                items.len()
            }
            Some(Open::Map(map)) => {
                map.put(node, self.findings);
                map.entries.len()
            }
        };
        if held > MAX_ITEMS {
            return self.too_large(&format!("more than {MAX_ITEMS} items stand in one list or map"), at);
        }
        Some(())
    }

    fn syntax(&mut self, offset: Option<usize>, message: &str) {
        let at = offset.unwrap_or(self.file.text().len());
        let end = self.file.text().get(at..).and_then(|rest| rest.chars().next()).map_or(at, |c| at + c.len_utf8());
        let message = message.split(" at char ").next().unwrap_or(message);
        let mut letters = message.chars();
        let lower: String = letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect();
        self.findings.push(self.findings.error("yaml-syntax", lower, Span::new(at, end)));
    }

    fn refuse(&mut self, code: &'static str, message: &str, span: Span, help: impl Fn(&str) -> String) {
        let help = help(self.file.slice(span).trim_end());
        let finding = self.findings.error(code, message, span);
        self.findings.push(finding.help(help));
    }

    /// Adds the fix that quotes what stands from a place to the end of its line, where that is all
    /// of a key's value.
    fn quoting(&self, finding: Diagnostic, start: usize) -> Diagnostic {
        let text = self.file.text();
        let line_start = text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let before = self.file.slice(Span::new(line_start, start)).trim_end();
        let indent = before.len() - before.trim_start_matches([' ', '-']).len();
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        let key = before.get(indent..).and_then(|key| key.strip_suffix(':')).unwrap_or("");
        // Told before the rest of the line is read, which may be long.
        if key.is_empty() || !key.chars().all(is_word) {
            return finding;
        }
        let mut below = text.get(start..).unwrap_or("").lines();
        let line = below.next().unwrap_or("");
        let value = line.split(" #").next().unwrap_or("").trim_end();
        let next = below.find(|line| !line.trim().is_empty()).unwrap_or("");
        let goes_on = next.len() - next.trim_start().len() > indent;
        if value.ends_with([',', '}', ']']) || goes_on {
            return finding;
        }
        let edit =
            Edit { span: Span::new(start, start + value.len()), text: format!("'{}'", value.replace('\'', "''")) };
        finding.fix("quote it", true, vec![edit])
    }

    /// What stands from a place to the end of its line, as a quoted text would hold it.
    fn line_rest(&self, start: usize) -> String {
        let rest = self.file.text().get(start..).unwrap_or("");
        let line = rest.lines().next().unwrap_or("").trim_end();
        let line = line.char_indices().nth(MAX_QUOTED).map_or(line, |(at, _)| line.get(..at).unwrap_or(line));
        line.trim_end_matches([',', '}', ']', ' ']).replace('\'', "''")
    }

    fn finish(mut self) -> Option<Node> {
        if self.root.is_none() && !self.findings.has_errors() {
            let finding = self.findings.error("yaml-empty", "the file is empty", Span::default());
            self.findings.push(finding.help("begin with `titan: 1`"));
        }
        self.root.take()
    }
}

fn null(span: Span) -> Node {
    Node {
        kind: NodeKind::Scalar(Scalar { text: String::new(), quoted: false, verbatim: false, text_start: span.start }),
        span,
    }
}

fn place(at: &EventSpan) -> Span {
    let start = at.start.byte_offset().unwrap_or(0);
    let end = at.end.byte_offset().unwrap_or(start);
    Span::new(start, end.max(start))
}
