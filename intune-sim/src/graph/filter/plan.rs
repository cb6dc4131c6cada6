//! What Intune makes of a filter: some of it, all of it, or nothing.
//!
//! It evaluates the operators that the schema's descriptions name for a property, joined by `and` across
//! properties and by `or` within one. Of anything else it says nothing, and answers with every device.

use chrono::{DateTime, Utc};
use http::StatusCode;

use super::parser::{Expression, Operand, Operator, parse};
use crate::{
    Device,
    graph::{
        errors::GraphError,
        properties::{Operators, operators},
    },
};

/// A filter, judged.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    /// Evaluated as far as these conditions say.
    Rows(Rows),
    /// `ge` and `le` on dates, undocumented and seen to fail.
    InternalError,
}

/// The devices that meet every condition.
#[derive(Clone, Debug)]
pub(crate) struct Rows(Vec<Condition>);

#[derive(Clone, Debug)]
struct Condition {
    property: String,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    AnyOf(Vec<String>),
    NoneOf(String),
    Contains(String),
    Before(DateTime<Utc>),
    After(DateTime<Utc>),
    Anything,
}

/// Why a part of a filter has no condition.
enum Unmet {
    Unsupported,
    InternalError,
    Malformed(GraphError),
}

impl Plan {
    /// Judges a filter.
    pub(crate) fn of(filter: &str) -> Result<Self, GraphError> {
        let expression = parse(filter)?;
        let parts = match &expression {
            Expression::And(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut conditions = Vec::new();
        let mut verdict = None;
        for part in flatten(parts) {
            match condition(part) {
                Ok(condition) => conditions.push(condition),
                Err(Unmet::Malformed(error)) => return Err(error),
                Err(Unmet::InternalError) => verdict = Some(Plan::InternalError),
                Err(Unmet::Unsupported) => {
                    verdict = verdict.or(Some(Plan::Rows(Rows::all())));
                }
            }
        }
        Ok(verdict.unwrap_or(Plan::Rows(Rows(conditions))))
    }

    pub(crate) fn rows(&self) -> Result<Rows, GraphError> {
        match self {
            Plan::Rows(rows) => Ok(rows.clone()),
            Plan::InternalError => Err(GraphError::gateway(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalServerError",
                "An internal server error has occurred.",
            )),
        }
    }
}

impl Rows {
    /// No condition: every device.
    pub(crate) fn all() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn contain(&self, device: &Device) -> bool {
        self.0.iter().all(|condition| condition.holds(device))
    }

    /// Whether a property is looked at.
    pub(crate) fn tests(&self, property: &str) -> bool {
        self.0
            .iter()
            .any(|condition| condition.property == property)
    }
}

impl Condition {
    fn holds(&self, device: &Device) -> bool {
        let value = device.text(&self.property);
        match &self.test {
            // The one comparison known to ignore case.
            Test::AnyOf(wanted) if self.property == "azureADDeviceId" => wanted
                .iter()
                .any(|wanted| wanted.eq_ignore_ascii_case(value)),
            Test::AnyOf(wanted) => wanted.iter().any(|wanted| wanted == value),
            Test::NoneOf(unwanted) => unwanted != value,
            Test::Contains(part) => value.contains(part.as_str()),
            Test::Before(limit) => date(value).is_some_and(|date| date < *limit),
            Test::After(limit) => date(value).is_some_and(|date| date > *limit),
            Test::Anything => true,
        }
    }
}

fn date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|date| date.to_utc())
}

/// `a and (b and c)` has three parts.
fn flatten(parts: &[Expression]) -> Vec<&Expression> {
    let mut flat = Vec::new();
    for part in parts {
        match part {
            Expression::And(inner) => flat.extend(flatten(inner)),
            other => flat.push(other),
        }
    }
    flat
}

fn condition(part: &Expression) -> Result<Condition, Unmet> {
    match part {
        Expression::Compare {
            left: Operand::Property(property),
            operator,
            right,
        } => {
            let test = compare(property, *operator, right)?;
            Ok(Condition {
                property: property.clone(),
                test,
            })
        }
        Expression::Alone(Operand::Function { name, arguments }) if name == "contains" => {
            contains(arguments)
        }
        Expression::Or(branches) => any_of(branches),
        _ => Err(Unmet::Unsupported),
    }
}

fn compare(property: &str, operator: Operator, right: &Operand) -> Result<Test, Unmet> {
    let supported = operators(property);
    if supported == Operators::Nothing {
        return Err(Unmet::Unsupported);
    }
    match (supported, right) {
        (Operators::LtGt, Operand::Date(limit)) => match operator {
            Operator::Lt => Ok(Test::Before(*limit)),
            Operator::Gt => Ok(Test::After(*limit)),
            Operator::Ge | Operator::Le => Err(Unmet::InternalError),
            Operator::Eq | Operator::Ne => Err(Unmet::Unsupported),
        },
        (Operators::LtGt, _) => Err(incompatible("Edm.DateTimeOffset")),
        (_, Operand::Text(text)) => compare_text(property, supported, operator, text),
        (_, Operand::Property(_) | Operand::Function { .. }) => Err(Unmet::Unsupported),
        (_, Operand::Date(_) | Operand::Other) => Err(incompatible("Edm.String")),
    }
}

fn compare_text(
    property: &str,
    supported: Operators,
    operator: Operator,
    text: &str,
) -> Result<Test, Unmet> {
    match (supported, operator) {
        (Operators::Contains, _) => Err(Unmet::Unsupported),
        (Operators::EqNe, Operator::Ne) => Ok(Test::NoneOf(text.to_owned())),
        (_, Operator::Eq) if property == "userPrincipalName" && text.is_empty() => {
            Ok(Test::Anything)
        }
        // Where `ne` isn't supported, it means `eq`.
        (_, Operator::Eq | Operator::Ne) => Ok(Test::AnyOf(vec![text.to_owned()])),
        _ => Err(Unmet::Unsupported),
    }
}

fn contains(arguments: &[Operand]) -> Result<Condition, Unmet> {
    let [Operand::Property(property), Operand::Text(part)] = arguments else {
        return Err(Unmet::Unsupported);
    };
    match operators(property) {
        Operators::Contains | Operators::EqContains => Ok(Condition {
            property: property.clone(),
            test: Test::Contains(part.clone()),
        }),
        _ => Err(Unmet::Unsupported),
    }
}

/// `or`: several values of one property.
fn any_of(branches: &[Expression]) -> Result<Condition, Unmet> {
    let mut values = Vec::new();
    let mut property = None;
    for branch in branches {
        match branch {
            Expression::Or(inner) => {
                let condition = any_of(inner)?;
                let Test::AnyOf(found) = condition.test else {
                    return Err(Unmet::Unsupported);
                };
                values.extend(found);
                if *property.get_or_insert(condition.property.clone()) != condition.property {
                    return Err(Unmet::Unsupported);
                }
            }
            Expression::Compare {
                left: Operand::Property(name),
                operator: Operator::Eq,
                right: right @ Operand::Text(value),
            } => {
                compare(name, Operator::Eq, right)?;
                values.push(value.clone());
                if property.get_or_insert_with(|| name.clone()) != name {
                    return Err(Unmet::Unsupported);
                }
            }
            _ => return Err(Unmet::Unsupported),
        }
    }
    let property = property.ok_or(Unmet::Unsupported)?;
    match operators(&property) {
        Operators::EqOr => {}
        // Not supported, and not ignored either: only the first id counts.
        Operators::Eq => values.truncate(1),
        _ => return Err(Unmet::Unsupported),
    }
    Ok(Condition {
        property,
        test: Test::AnyOf(values),
    })
}

fn incompatible(expected: &str) -> Unmet {
    Unmet::Malformed(GraphError::bad_request(format!(
        "A binary operator with incompatible types was detected: expected an operand of type '{expected}'."
    )))
}
