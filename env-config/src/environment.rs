use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fmt,
};

/// Where settings come from: the process's environment, or pairs that a test or a host gives.
///
/// ```
/// use env_config::Environment;
///
/// let environment = Environment::from_pairs([("ENTRA_CLOUD", "china")]);
/// assert!(environment.is_set("ENTRA_CLOUD"));
/// assert!(!environment.is_set("ENTRA_TENANT_ID"));
/// ```
pub struct Environment {
    source: Source,
}

enum Source {
    Process,
    Pairs(BTreeMap<String, OsString>),
}

impl Environment {
    /// The environment of this process, read anew at each look-up.
    #[must_use]
    pub const fn process() -> Self {
        Self {
            source: Source::Process,
        }
    }

    /// Just these variables, and none of the process's.
    #[must_use]
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<OsString>,
    {
        let pairs = pairs
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        Self {
            source: Source::Pairs(pairs.collect()),
        }
    }

    /// Whether `name` has a value, be it empty or not Unicode.
    #[must_use]
    pub fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The names that begin with `prefix` and have a value.
    #[must_use]
    pub fn names(&self, prefix: &str) -> BTreeSet<String> {
        match &self.source {
            Source::Process => std::env::vars_os()
                .map(|(name, _)| name.to_string_lossy().into_owned())
                .filter(|name| name.starts_with(prefix))
                .collect(),
            Source::Pairs(pairs) => pairs
                .keys()
                .filter(|name| name.starts_with(prefix))
                .cloned()
                .collect(),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    pub(crate) fn get(&self, name: &str) -> Option<OsString> {
        match &self.source {
            Source::Process => std::env::var_os(name),
            Source::Pairs(pairs) => pairs.get(name).cloned(),
        }
    }
}

/// Shows no value: any of them may be a secret.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}
