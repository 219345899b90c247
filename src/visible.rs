//! Making foreign text safe to print: nothing that is not ours reaches a terminal unseen.
//!
//! Control, bidi and format characters could move the cursor, hide text or reorder it. They are
//! shown as `\u{..}` instead.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether printing this character could change how other text is shown.
pub fn is_hidden(c: char) -> bool {
    let is_usual = matches!(c, ' '..='~');
    !is_usual
        && (c.is_control()
            || matches!(c,
                '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}'))
}

/// The text on one line, with every hidden character spelt out.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hidden(c) {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// The text with every hidden character but line ends and tabs replaced by one of the same
/// length in bytes, so that places in it stay what they are.
pub fn same_length(text: &str) -> Cow<'_, str> {
    let keeps = |c: char| matches!(c, '\n' | '\t') || !is_hidden(c);
    if text.chars().all(keeps) {
        return Cow::Borrowed(text);
    }
    let replace = |c: char| match (keeps(c), c.len_utf8()) {
        (true, _) => c,
        (false, 1) => '?',
        (false, 2) => '\u{00BF}',
        (false, 3) => '\u{FFFD}',
        (false, _) => '\u{1F6AB}',
    };
    Cow::Owned(text.chars().map(replace).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_hidden_character_is_left_in_visible_text() {
        for c in (0..=0x0010_FFFF).filter_map(char::from_u32).filter(|c| is_hidden(*c)) {
            assert!(!visible(&format!("a{c}b")).contains(is_hidden), "{c:?}");
        }
        assert_eq!(visible("red \u{1b}[31m"), "red \\u{1b}[31m");
        assert_eq!(visible("plain ✅"), "plain ✅");
    }

    #[test]
    fn places_stay_when_hidden_characters_are_replaced() {
        let text = "a\u{1b}b\u{9b}c\u{202e}d\u{e0001}\n";
        let safe = same_length(text);
        assert_eq!(safe.len(), text.len());
        assert_eq!(safe.find('d'), text.find('d'));
    }
}
