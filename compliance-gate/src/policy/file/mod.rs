use std::{collections::BTreeMap, fmt, marker::PhantomData};

use intune_core::{AccordTemplate, ScopeTemplate};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{Overrides, PolicyLayer, UnknownTemplates};

/// A policy file: settings by accord template, in TOML or JSON.
///
/// ```
/// use compliance_gate::PolicyFile;
///
/// let file = PolicyFile::parse(r#"
///     overrides = "tighten_only"      # or "replace", the default
///     unknown_templates = "deny"      # or "global", the default
///
///     [accords.device-management]
///     device_compliance_required = true
///     strict = true
///     mode = "report_only"            # or "enforce", the default, or "off"
///
///     [delegation_scopes.device-management]
///     capabilities = ["READ", "PROPOSE", "MUTATE"]
///     ceremony_required_for = ["MUTATE"]
/// "#)?;
/// # let _ = file;
/// let error = PolicyFile::parse("[accords.ops]\nrequired = true").unwrap_err();
/// assert!(error.contains("line 2") && error.contains("unknown field `required`"));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyFile {
    #[serde(default, deserialize_with = "without_repeats")]
    pub(super) accords: BTreeMap<AccordTemplate, PolicyLayer>,
    #[serde(default, deserialize_with = "without_repeats")]
    pub(super) delegation_scopes: BTreeMap<AccordTemplate, ScopeTemplate>,
    #[serde(default, deserialize_with = "given")]
    pub(super) overrides: Option<Overrides>,
    #[serde(default, deserialize_with = "given")]
    pub(super) unknown_templates: Option<UnknownTemplates>,
}

impl PolicyFile {
    /// Reads a policy: JSON if it begins with `{`, TOML otherwise.
    ///
    /// # Errors
    ///
    /// What is wrong, and in which line: a text that is neither, or empty; an unknown key; a value of the wrong
    /// type, `null` included; a malformed or repeated template name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim().is_empty() {
            return Err("it is empty".to_owned());
        }
        if text.trim_start().starts_with('{') {
            // serde_json's message ends in the line and column.
            serde_json::from_str(text).map_err(|error| error.to_string())
        } else {
            toml::from_str(text).map_err(|error| {
                let before = error.span().and_then(|span| text.get(..span.start));
                let line = before.map_or(1, |before| before.matches('\n').count() + 1);
                format!("{} at line {line}", error.message().replace('\n', ", "))
            })
        }
    }
}

/// Reads a value that is there, so that JSON's `null` is an error, and not a setting that wasn't made.
pub(super) fn given<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// A table of settings. serde would also read one from an array of its values.
struct Table<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Settings<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Settings<T> {
            type Value = Table<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of settings")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Table<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Table)
            }
        }

        deserializer.deserialize_map(Settings(PhantomData))
    }
}

/// A JSON object may name a template twice, and the last would silently win.
fn without_repeats<'de, T, D>(deserializer: D) -> Result<BTreeMap<AccordTemplate, T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct Accords<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Accords<T> {
        type Value = BTreeMap<AccordTemplate, T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table of accord templates")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut accords = BTreeMap::new();
            while let Some((template, Table(entry))) =
                map.next_entry::<AccordTemplate, Table<T>>()?
            {
                if accords.insert(template.clone(), entry).is_some() {
                    return Err(A::Error::custom(format!(
                        "accord `{template}` is given twice"
                    )));
                }
            }
            Ok(accords)
        }
    }

    deserializer.deserialize_map(Accords(PhantomData))
}
