//! The query options of a request.

use url::form_urlencoded;

use super::{errors::GraphError, filter::Plan, paging::SkipToken, properties};

/// The options that have an effect, read.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) filter: Option<Plan>,
    pub(crate) select: Option<Vec<String>>,
    pub(crate) top: Option<usize>,
    pub(crate) skip: bool,
    pub(crate) token: Option<SkipToken>,
    /// The options as sent, without the place in the list: what a next link repeats.
    pub(crate) repeated: String,
}

impl Query {
    /// Reads a query string; `%20` and `+` both are a space.
    pub(crate) fn parse(query: &str) -> Result<Self, GraphError> {
        let mut parsed = Self {
            filter: None,
            select: None,
            top: None,
            skip: false,
            token: None,
            repeated: repeated(query),
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "$filter" => parsed.filter = Some(Plan::of(&value)?),
                "$select" => parsed.select = select(&value)?,
                "$top" => parsed.top = Some(number("$top", &value)?),
                "$skip" => parsed.skip = number("$skip", &value)? > 0,
                "$skiptoken" => parsed.token = Some(SkipToken::parse(&value)?),
                // The generated descriptions advertise more; nothing is known of an effect.
                _ => {}
            }
        }
        Ok(parsed)
    }
}

fn repeated(query: &str) -> String {
    let kept = query.split('&').filter(|pair| {
        let name = form_urlencoded::parse(pair.as_bytes())
            .next()
            .map(|(name, _)| name);
        !pair.is_empty() && !matches!(name.as_deref(), Some("$skiptoken" | "$skip"))
    });
    kept.collect::<Vec<_>>().join("&")
}

fn number(option: &str, text: &str) -> Result<usize, GraphError> {
    text.trim().parse().map_err(|_| {
        GraphError::bad_request(format!(
            "Invalid value '{text}' for {option} query option found. The {option} query option requires \
             a non-negative integer value."
        ))
    })
}

fn select(text: &str) -> Result<Option<Vec<String>>, GraphError> {
    let names: Vec<String> = text
        .split(',')
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    if names.is_empty() || names.iter().any(|name| name == "*") {
        return Ok(None);
    }
    match names.iter().find(|name| !properties::declared(name)) {
        None => Ok(Some(names)),
        Some(name) => Err(GraphError::bad_request(format!(
            "Parsing OData Select and Expand failed: Could not find a property named '{name}' on type \
             'microsoft.graph.managedDevice'."
        ))),
    }
}
