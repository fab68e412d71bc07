//! User text that is shown to others, in terminals, pages and logs.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

/// Joiners that some scripts and emoji need: they are allowed between two non-ASCII characters.
const JOINERS: [char; 2] = ['\u{200c}', '\u{200d}'];

/// The first invisible character of `text` that changes how the text is shown: control and format characters, such as
/// those that reverse the text direction, and line and paragraph separators.
pub fn hidden_char(text: &str) -> Option<char> {
    let mut before = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let is_beyond_ascii = |c: Option<char>| c.is_some_and(|c| !c.is_ascii() && !is_hidden(c));
        let joins = JOINERS.contains(&c)
            && is_beyond_ascii(before)
            && is_beyond_ascii(chars.peek().copied());
        if is_hidden(c) && !joins {
            return Some(c);
        }
        before = Some(c);
    }
    None
}

/// `text` with a space for each hidden character.
pub fn shown(text: &str) -> String {
    text.chars().map(|c| if is_hidden(c) { ' ' } else { c }).collect()
}

fn is_hidden(c: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator};
    matches!(c.general_category(), Control | Format | LineSeparator | ParagraphSeparator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_change_how_text_is_shown_are_hidden() {
        let hidden = [
            '\0',
            '\n',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{ad}',
            '\u{61c}',
            '\u{180e}',
            '\u{200b}',
            '\u{200e}',
            '\u{200f}',
            '\u{202a}',
            '\u{202e}',
            '\u{2028}',
            '\u{2029}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{206f}',
            '\u{feff}',
            '\u{fff9}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0041}',
        ];
        for c in hidden {
            assert_eq!(hidden_char(&format!("a{c}b")), Some(c), "{c:?}");
            assert_eq!(shown(&format!("a{c}b")), "a b", "{c:?}");
        }
    }

    #[test]
    fn joiners_are_allowed_between_non_ascii_characters() {
        for good in ["👩\u{200d}👩\u{200d}👧", "می\u{200c}خواهم", "⚙️ über 東京", ""]
        {
            assert_eq!(hidden_char(good), None, "{good}");
        }
        for bad in ["a\u{200d}b", "\u{200d}é", "é\u{200c}", "é\u{200d}\u{200d}é", "é\u{200d}x"]
        {
            assert!(hidden_char(bad).is_some(), "{bad:?}");
        }
    }
}
