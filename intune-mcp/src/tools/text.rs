//! Texts that come from a device's user, or through one.

/// The most that is kept of such a text, in characters.
const MAX_LENGTH: usize = 128;

/// Keeps a text short, and replaces what is not there to be seen: control characters, and those by which a text
/// hides something or shows in another order than it is read.
pub(super) fn shown(text: &str) -> String {
    let kept = text.chars().take(MAX_LENGTH);
    kept.map(|c| match c.is_control() || is_unseen(c) {
        true => char::REPLACEMENT_CHARACTER,
        false => c,
    })
    .collect()
}

/// [Default-ignorable](https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point) characters but for the
/// variation selectors that emoji take, line separators, and interlinear annotations.
const fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0E}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_stays_and_what_is_not_is_marked() {
        assert_eq!(
            shown("Adele's Büro-PC ❤\u{FE0F}"),
            "Adele's Büro-PC ❤\u{FE0F}"
        );
        for hidden in [
            '\n',
            '\u{1b}',
            '\u{202E}',
            '\u{200B}',
            '\u{E0041}',
            '\u{2028}',
        ] {
            assert_eq!(shown(&format!("a{hidden}b")), "a\u{FFFD}b");
        }
        assert_eq!(shown(&"x".repeat(500)).len(), MAX_LENGTH);
    }
}
