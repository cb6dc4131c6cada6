//! The policy file that the environment names.

use std::{fmt, fs::File, io::Read as _};

use super::{
    GateConfig,
    variables::{OVERRIDES, Place, UNKNOWN_TEMPLATES},
};
use crate::{Gate, Policies, PolicyError, PolicyFile, ReloadError, ReloadOrigin, Reloaded};

const MAX_BYTES: u64 = 1 << 20;

/// A policy file, its text, and where it is.
#[derive(Debug)]
pub(super) struct NamedFile {
    path: String,
    text: String,
    file: PolicyFile,
}

impl NamedFile {
    pub(super) fn read(path: &str) -> Result<Self, String> {
        let mut text = String::new();
        let file = File::open(path)
            .map_err(|error| format!("the file can't be opened: {}", error.kind()))?;
        file.take(MAX_BYTES + 1)
            .read_to_string(&mut text)
            .map_err(|error| format!("the file can't be read: {}", error.kind()))?;
        if text.len() as u64 > MAX_BYTES {
            return Err("the file is larger than 1 MiB".to_owned());
        }
        let file = PolicyFile::parse(&text);
        Ok(Self {
            file: file.map_err(|error| format!("the file is no policy: {error}"))?,
            path: path.to_owned(),
            text,
        })
    }

    pub(super) fn into_path(self) -> String {
        self.path
    }
}

/// What doesn't go together: the environment and the file, or the file's layers.
#[derive(Default)]
pub(super) struct Wrong {
    /// What the environment and the file set differently.
    contradicted: Vec<Place>,
    told: Vec<String>,
}

impl Wrong {
    /// The variables that set what the file sets otherwise.
    pub(super) fn variables(&self) -> impl Iterator<Item = &'static str> {
        self.contradicted.iter().filter_map(|it| it.variable())
    }

    /// What is wrong, and where in the file it is to be mended.
    pub(super) fn told(&self) -> String {
        self.told.join("; ")
    }

    fn tell(&mut self, what: impl fmt::Display, place: Option<String>) {
        self.told.push(match place {
            Some(place) => format!("{what}, at {place}"),
            None => what.to_string(),
        });
    }
}

/// Puts what the environment sets and the file together.
pub(super) fn build(environment: &PolicyFile, file: Option<&NamedFile>) -> Result<Policies, Wrong> {
    let content = file.map(|named| named.file.clone()).unwrap_or_default();
    let text = file.map(|named| named.text.as_str()).unwrap_or_default();

    let mut wrong = Wrong::default();
    for rule in rules_that_differ(environment, &content) {
        let path = rule.path();
        let what = format!(
            "the file sets `{}` to something else than the environment does: set it in one place",
            path.join(".")
        );
        wrong.tell(what, PolicyFile::place_of_key(text, &path));
        wrong.contradicted.push(rule);
    }
    let builder = Policies::builder()
        .global(environment.global)
        .overrides(environment.overrides.unwrap_or_default())
        .unknown_templates(environment.unknown_templates.unwrap_or_default());
    match builder.file(content).build() {
        Ok(policies) if wrong.told.is_empty() => return Ok(policies),
        Ok(_) => {}
        Err(error) => {
            wrong.tell(&error, PolicyFile::place_of(text, &error));
            if let PolicyError::Contradicted(settings) = error {
                let settings = settings.into_iter().map(Place::Global);
                wrong.contradicted.extend(settings);
            }
        }
    }
    Err(wrong)
}

fn rules_that_differ(one: &PolicyFile, other: &PolicyFile) -> impl Iterator<Item = Place> {
    let overrides = differ(one.overrides, other.overrides).then_some(OVERRIDES);
    let unknown = differ(one.unknown_templates, other.unknown_templates);
    let unknown = unknown.then_some(UNKNOWN_TEMPLATES);
    overrides.into_iter().chain(unknown)
}

fn differ<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one != other)
}

impl GateConfig {
    /// Reads the policy file again, and puts what it says in force at `gate`, as by [`Gate::reload`].
    ///
    /// For a host to call when it is told to, by a signal or by whoever watches the file: nothing watches it here. The
    /// file is read on the caller's thread. What the environment says stays as it was at the start.
    ///
    /// # Errors
    ///
    /// The file is wrong: what, and in which line and column; the gate is off, or never had a file; the change can't be
    /// recorded. The policy in force stays.
    ///
    /// # Cancel safety
    ///
    /// As of [`Gate::reload`].
    pub async fn reload_file(
        &self,
        gate: &Gate,
        requested_by: &str,
    ) -> Result<Reloaded, ReloadError> {
        if !self.enabled {
            return Err(ReloadError::Off);
        }
        let path = self.path.as_deref().ok_or(ReloadError::NoFile)?;
        let file = NamedFile::read(path).map_err(ReloadError::Wrong)?;
        let policies = build(&self.environment, Some(&file));
        let policies = policies.map_err(|wrong| ReloadError::Wrong(wrong.told()))?;
        let origin = ReloadOrigin {
            source: path,
            requested_by,
        };
        gate.reload(policies, origin).await
    }
}
