//! Whether a pattern, held against a text from outside, says of all of it what it may be.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// What no class of characters takes by which somebody meant to confine a text: it begins a command
/// of its own in a shell, or a line. Who wants one of them writes it as itself, `<[a-z]+>`.
const LOOSE: [char; 7] = [';', '|', '<', '>', '`', '\n', '\r'];

/// Whether a pattern confines a text: every match is the whole text, and each class of characters in
/// it leaves out all of [`LOOSE`]. So `^[a-z0-9.-]+$` does, as does `^v[0-9]+$|^latest$`; `^.{1,80}$`,
/// `^\S+$`, `^[^;]+$`, `^(a|.*)$` and `^-.*$` take whatever comes. What stands behind a host that is
/// written out, as in `^https://ci\.internal/.*$`, may be anything.
pub(super) fn holds_all(pattern: &str) -> bool {
    let Ok(parsed) = regex_syntax::parse(pattern) else {
        return false;
    };
    let properties = parsed.properties();
    let is_whole =
        properties.look_set_prefix().contains(Look::Start) && properties.look_set_suffix().contains(Look::End);
    is_whole && (names_host(&parsed) || !is_loose(&parsed))
}

fn is_loose(part: &Hir) -> bool {
    match part.kind() {
        HirKind::Class(class) => takes_loose(class),
        HirKind::Capture(group) => is_loose(&group.sub),
        HirKind::Repetition(repeated) => is_loose(&repeated.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(is_loose),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Look(_) => false,
    }
}

fn takes_loose(class: &Class) -> bool {
    let takes = |c: char| match class {
        Class::Unicode(class) => class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&c)),
        Class::Bytes(class) => {
            let byte = u8::try_from(c).unwrap_or(u8::MAX);
            class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&byte))
        }
    };
    LOOSE.into_iter().any(takes)
}

/// Whether every match begins with the scheme and the whole host of a URL.
fn names_host(pattern: &Hir) -> bool {
    let HirKind::Concat(parts) = pattern.kind() else {
        return false;
    };
    let beginning = parts.get(1).and_then(|part| match part.kind() {
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).ok(),
        _ => None,
    });
    let host = beginning.and_then(|text| text.strip_prefix("http")?.trim_start_matches('s').strip_prefix("://"));
    host.is_some_and(|host| host.find('/').is_some_and(|end| end > 0))
}
