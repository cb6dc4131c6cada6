//! The words of a filter.

use crate::graph::errors::GraphError;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Open,
    Close,
    Comma,
    /// A quoted text, unescaped: `''` is one quote.
    Text(String),
    /// Anything else: names, operators, numbers, dates.
    Word(String),
}

pub(crate) fn tokens(filter: &str) -> Result<Vec<Token>, GraphError> {
    let mut tokens = Vec::new();
    let mut rest = filter.chars().peekable();
    while let Some(next) = rest.next() {
        tokens.push(match next {
            ' ' | '\t' => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '\'' => text(&mut rest)?,
            first if is_word(first) => {
                let mut word = String::from(first);
                while let Some(next) = rest.next_if(|next| is_word(*next)) {
                    word.push(next);
                }
                Token::Word(word)
            }
            other => return Err(malformed(&format!("unexpected character '{other}'"))),
        });
    }
    Ok(tokens)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || "_-.:+/@$".contains(character)
}

fn text(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Token, GraphError> {
    let mut text = String::new();
    while let Some(next) = rest.next() {
        if next != '\'' {
            text.push(next);
        } else if rest.next_if_eq(&'\'').is_some() {
            text.push('\'');
        } else {
            return Ok(Token::Text(text));
        }
    }
    Err(malformed("unterminated string literal"))
}

pub(crate) fn malformed(what: &str) -> GraphError {
    GraphError::bad_request(format!("Invalid filter clause: {what}."))
}
