//! The outline of a document.

use lsp_types::{DocumentSymbol, SymbolKind};

use crate::runbook::grammar::Holds;
use crate::source::Spanned;
use crate::yaml::Node;

use super::document::Document;
use super::walk::{entries, get, text};

/// Every key of the file, with what the author has named below it.
pub(super) fn symbols(document: &Document) -> Vec<DocumentSymbol> {
    let keys = entries(&document.root).iter();
    let symbols = keys.map(|(key, node)| {
        let holds = document.table().key(&key.value).map(|key| key.holds);
        let is_named = matches!(holds, Some(Holds::Named(..)));
        let below = entries(node).iter().filter(|_| is_named);
        let children = below.map(|(name, node)| {
            let detail = get(node, "do").or_else(|| get(node, "type")).and_then(text);
            symbol(document, name, node, kind(&key.value), detail, Vec::new())
        });
        symbol(document, key, node, SymbolKind::NAMESPACE, text(node), children.collect())
    });
    symbols.collect()
}

fn kind(key: &str) -> SymbolKind {
    match key {
        "steps" | "ensure" => SymbolKind::FUNCTION,
        "watch" => SymbolKind::EVENT,
        "params" => SymbolKind::FIELD,
        "services" | "gates" => SymbolKind::INTERFACE,
        _ => SymbolKind::VARIABLE,
    }
}

#[expect(deprecated, reason = "the protocol's type still has the field that `tags` replaced")]
fn symbol(
    document: &Document,
    name: &Spanned<String>,
    node: &Node,
    kind: SymbolKind,
    detail: Option<&str>,
    children: Vec<DocumentSymbol>,
) -> DocumentSymbol {
    DocumentSymbol {
        name: name.value.clone(),
        detail: detail.filter(|detail| !detail.is_empty()).map(str::to_owned),
        kind,
        tags: None,
        deprecated: None,
        range: document.range(name.span.to(node.span)),
        selection_range: document.range(name.span),
        children: Some(children),
    }
}
