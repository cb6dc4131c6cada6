use serde::Serialize;

/// Which layer made a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// This crate's defaults, its two templates among them.
    BuiltIn,
    /// The deployment's default: the environment, or `[global]` of a policy file.
    Global,
    /// The accord template's entry in a policy file or in code.
    Template,
}

impl Layer {
    /// The name in records: `built_in`, `global`, `template`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BuiltIn => "built_in",
            Self::Global => "global",
            Self::Template => "template",
        }
    }
}
