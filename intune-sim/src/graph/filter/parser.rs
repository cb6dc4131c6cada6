//! The grammar of a filter: precedence is `not`, then `and`, then `or`.

use chrono::{DateTime, Utc};

use super::lexer::{Token, malformed, tokens};
use crate::{graph::errors::GraphError, tenant::device::is_guid};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    Or(Vec<Expression>),
    And(Vec<Expression>),
    Not(Box<Expression>),
    Compare {
        left: Operand,
        operator: Operator,
        right: Operand,
    },
    /// An operand that stands alone: a function, or a boolean property.
    Alone(Operand),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    Property(String),
    Function {
        name: String,
        arguments: Vec<Operand>,
    },
    Text(String),
    Date(DateTime<Utc>),
    /// A number, a GUID, a boolean or null, unquoted.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

/// Deeper nesting is refused, as a service does that recurses.
const DEEPEST: usize = 50;

pub(crate) fn parse(filter: &str) -> Result<Expression, GraphError> {
    let mut parser = Parser {
        tokens: tokens(filter)?.into_iter().peekable(),
        depth: 0,
    };
    let expression = parser.or()?;
    match parser.tokens.next() {
        None => Ok(expression),
        Some(token) => Err(malformed(&format!("unexpected {token:?}"))),
    }
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    depth: usize,
}

impl Parser {
    fn or(&mut self) -> Result<Expression, GraphError> {
        self.joined("or", Self::and, Expression::Or)
    }

    fn and(&mut self) -> Result<Expression, GraphError> {
        self.joined("and", Self::unary, Expression::And)
    }

    fn joined(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Expression, GraphError>,
        join: fn(Vec<Expression>) -> Expression,
    ) -> Result<Expression, GraphError> {
        let first = part(self)?;
        let mut parts = vec![first];
        while self.accept_word(word) {
            parts.push(part(self)?);
        }
        Ok(match parts.len() {
            1 => parts.remove(0),
            _ => join(parts),
        })
    }

    fn unary(&mut self) -> Result<Expression, GraphError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(malformed("nested too deeply"));
        }
        let expression = if self.accept_word("not") {
            Expression::Not(Box::new(self.unary()?))
        } else if self.accept(&Token::Open) {
            let inner = self.or()?;
            self.expect(&Token::Close)?;
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn comparison(&mut self) -> Result<Expression, GraphError> {
        let left = self.operand()?;
        let operator = match self.tokens.peek() {
            Some(Token::Word(word)) => operator(word),
            _ => None,
        };
        if let Some(operator) = operator {
            self.tokens.next();
            let right = self.operand()?;
            return Ok(Expression::Compare {
                left,
                operator,
                right,
            });
        }
        match left {
            Operand::Property(_) | Operand::Function { .. } => Ok(Expression::Alone(left)),
            _ => Err(malformed("a literal is no condition")),
        }
    }

    fn operand(&mut self) -> Result<Operand, GraphError> {
        match self.tokens.next() {
            Some(Token::Text(text)) => Ok(Operand::Text(text)),
            Some(Token::Word(word)) => {
                if self.accept(&Token::Open) {
                    return self.function(word);
                }
                word_operand(word)
            }
            Some(token) => Err(malformed(&format!("unexpected {token:?}"))),
            None => Err(malformed("unexpected end")),
        }
    }

    fn function(&mut self, name: String) -> Result<Operand, GraphError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(malformed("nested too deeply"));
        }
        let mut arguments = vec![self.operand()?];
        while self.accept(&Token::Comma) {
            arguments.push(self.operand()?);
        }
        self.expect(&Token::Close)?;
        self.depth -= 1;
        Ok(Operand::Function { name, arguments })
    }

    fn accept(&mut self, token: &Token) -> bool {
        self.tokens.next_if_eq(token).is_some()
    }

    fn accept_word(&mut self, word: &str) -> bool {
        self.tokens
            .next_if(|token| matches!(token, Token::Word(next) if next == word))
            .is_some()
    }

    fn expect(&mut self, token: &Token) -> Result<(), GraphError> {
        if self.accept(token) {
            Ok(())
        } else {
            Err(malformed(&format!("{token:?} is missing")))
        }
    }
}

fn operator(word: &str) -> Option<Operator> {
    Some(match word {
        "eq" => Operator::Eq,
        "ne" => Operator::Ne,
        "gt" => Operator::Gt,
        "ge" => Operator::Ge,
        "lt" => Operator::Lt,
        "le" => Operator::Le,
        _ => return None,
    })
}

fn word_operand(word: String) -> Result<Operand, GraphError> {
    if is_guid(&word) || matches!(word.as_str(), "true" | "false" | "null") {
        return Ok(Operand::Other);
    }
    if let Ok(date) = DateTime::parse_from_rfc3339(&word) {
        return Ok(Operand::Date(date.to_utc()));
    }
    match word.chars().next() {
        Some(first) if first.is_ascii_alphabetic() || first == '_' => {
            let reserved = ["and", "or", "not", "eq", "ne", "gt", "ge", "lt", "le"];
            let name = word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_/.".contains(c));
            if name && !reserved.contains(&word.as_str()) {
                Ok(Operand::Property(word))
            } else {
                Err(malformed(&format!("'{word}' is no property")))
            }
        }
        _ if word.parse::<f64>().is_ok() => Ok(Operand::Other),
        _ => Err(malformed(&format!("unrecognized '{word}'"))),
    }
}
