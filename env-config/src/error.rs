use std::fmt;

/// One variable that is missing or can't be used, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    variable: String,
    message: String,
}

impl Problem {
    /// Says of `variable` what is wrong. The message must not repeat the value.
    #[must_use]
    pub fn new(variable: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            variable: variable.into(),
            message: message.into(),
        }
    }

    /// The variable's name.
    #[must_use]
    pub fn variable(&self) -> &str {
        &self.variable
    }

    /// What is wrong with it.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.variable, self.message)
    }
}

/// Every problem that was found in a configuration, one a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    /// The problems, in the order in which the variables were read. There is at least one.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Joins the errors of several crates, so that a host can report them at once. A problem that two crates
    /// found is told once.
    ///
    /// ```
    /// use env_config::{ConfigError, Environment, Reader};
    ///
    /// let environment = Environment::from_pairs([("PORT", "many")]);
    /// let mut reader = Reader::new(&environment);
    /// reader.required("HOST", |host| Ok::<_, String>(host.to_owned()));
    /// let host = reader.finish();
    /// let mut reader = Reader::new(&environment);
    /// reader.required("PORT", |port| port.parse::<u16>().map_err(|_| "must be a port number"));
    /// let port = reader.finish();
    ///
    /// let union = ConfigError::union([host.unwrap_err(), port.unwrap_err()]);
    /// assert_eq!(union.unwrap().to_string(), "HOST: is not set\nPORT: must be a port number");
    /// ```
    pub fn union(errors: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut problems: Vec<Problem> = Vec::new();
        for problem in errors.into_iter().flat_map(|error| error.problems) {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
        Self::from_problems(problems)
    }

    pub(crate) fn from_problems(problems: Vec<Problem>) -> Option<Self> {
        (!problems.is_empty()).then_some(Self { problems })
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
