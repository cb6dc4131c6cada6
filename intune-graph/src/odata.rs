//! Texts in OData expressions, and expressions in query strings.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Writes `text` as a string literal of an OData expression.
///
/// Quotes are doubled, by the
/// [ABNF of OData 4.01](https://docs.oasis-open.org/odata/odata/v4.01/os/abnf/odata-abnf-construction-rules.txt)
/// (`string = SQUOTE *( SQUOTE-in-string / pchar-no-SQUOTE ) SQUOTE`), so that no text can end its own literal.
///
/// ```
/// use intune_graph::string_literal;
///
/// assert_eq!(string_literal("O'Brien"), "'O''Brien'");
/// ```
#[must_use]
pub fn string_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// What needs no escaping in a query's value:
/// [unreserved characters](https://www.rfc-editor.org/rfc/rfc3986#section-2.3), and the comma of `$select`.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b',');

/// Joins query options. A blank becomes `%20`, which every server reads, and not `+`, which OData doesn't.
pub(crate) fn query(options: &[(&str, String)]) -> String {
    let options = options
        .iter()
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, VALUE)));
    options.collect::<Vec<_>>().join("&")
}
