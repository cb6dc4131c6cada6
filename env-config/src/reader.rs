use std::fmt::Display;

use secrecy::{SecretString, zeroize::Zeroize as _};

use crate::{ConfigError, Environment, Problem};

/// Reads variables one by one and remembers every problem until [`finish`](Reader::finish).
///
/// A variable that is set but empty is a problem of its own: to take it for "unset" could switch a
/// check off that its author meant to switch on. No message repeats a value, since a secret may have
/// been pasted into the wrong variable.
///
/// ```
/// use env_config::{Environment, Reader};
///
/// let environment = Environment::from_pairs([("STRICT", "yes"), ("TTL", "300")]);
/// let mut reader = Reader::new(&environment);
/// let strict = reader.boolean("STRICT");
/// let ttl = reader.optional("TTL", |text| text.parse::<u32>().map_err(|_| "must be whole seconds"));
/// reader.finish()?;
/// assert_eq!((strict, ttl), (Some(true), Some(300)));
/// # Ok::<(), env_config::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct Reader<'a> {
    environment: &'a Environment,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    /// Starts reading `environment`.
    #[must_use]
    pub const fn new(environment: &'a Environment) -> Self {
        Self {
            environment,
            problems: Vec::new(),
        }
    }

    /// Reads a variable that may be absent. A value that `parse` refuses is a problem.
    pub fn optional<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(name)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.problem(name, problem.to_string());
                None
            }
        }
    }

    /// Reads a variable that must be there.
    pub fn required<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.require(name);
        self.optional(name, parse)
    }

    /// Reads `true`, `1`, `yes`, `on` or `false`, `0`, `no`, `off`, in any case.
    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        self.optional(name, |text| {
            parse_boolean(text).ok_or("must be true or false (or 1, 0, yes, no, on, off)")
        })
    }

    /// Reads a secret that must be there. The copy made on the way is wiped.
    pub fn required_secret(&mut self, name: &str) -> Option<SecretString> {
        self.require(name);
        let mut text = self.text(name)?;
        let secret = SecretString::from(text.as_str());
        text.zeroize();
        Some(secret)
    }

    /// Refuses each variable whose name begins with `prefix` and isn't one of `known`.
    ///
    /// For a prefix that belongs to the caller: a misspelt name is then no setting that silently isn't made.
    ///
    /// ```
    /// use env_config::{Environment, Reader};
    ///
    /// let environment = Environment::from_pairs([("BROKER_STRCT", "true")]);
    /// let mut reader = Reader::new(&environment);
    /// reader.refuse_unknown("BROKER_", &["BROKER_STRICT", "BROKER_TTL"]);
    /// let error = reader.finish().unwrap_err();
    /// assert_eq!(error.to_string(), "BROKER_STRCT: is not a known variable: did you mean `BROKER_STRICT`?");
    /// ```
    pub fn refuse_unknown(&mut self, prefix: &str, known: &[&str]) {
        let mut unknown = self.environment.names(prefix);
        unknown.retain(|name| !known.contains(&name.as_str()));
        for name in unknown {
            let nearest = nearest(&name, known).map(|it| format!("`{it}`"));
            let nearest: Vec<_> = nearest.collect();
            let nearest = nearest.join(" or ");
            self.problem(
                name,
                format!("is not a known variable: did you mean {nearest}?"),
            );
        }
    }

    /// Adds a problem that only the caller can see, such as two variables that exclude each other.
    pub fn problem(&mut self, variable: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem::new(variable, message));
    }

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// All the problems that were found, if any.
    pub fn finish(self) -> Result<(), ConfigError> {
        ConfigError::from_problems(self.problems).map_or(Ok(()), Err)
    }

    fn require(&mut self, name: &str) {
        if !self.environment.is_set(name) {
            self.problem(name, "is not set");
        }
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.environment.get(name)?.into_string() {
            Ok(text) if text.trim().is_empty() => {
                self.problem(name, "is empty: give it a value, or unset it");
                None
            }
            Ok(text) => Some(text),
            Err(_) => {
                self.problem(name, "is not Unicode text");
                None
            }
        }
    }
}

/// Reads `true`, `1`, `yes`, `on` or `false`, `0`, `no`, `off`, in any case; anything else is none.
#[must_use]
pub fn parse_boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Those of `known` that are the fewest slips away from `name`.
fn nearest<'k>(name: &str, known: &[&'k str]) -> impl Iterator<Item = &'k str> {
    let slips = |it: &&str| strsim::damerau_levenshtein(name, it);
    let fewest = known.iter().map(slips).min();
    let nearest = known.iter().copied();
    nearest.filter(move |it| fewest == Some(slips(it)))
}
