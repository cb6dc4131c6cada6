use intune_core::AccordTemplate;

use super::Setting;

/// Layers that don't go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Templates loosen what the layers below ask for, where that is forbidden.
    #[error("overrides are `tighten_only`, but {}: the layers below ask for more", loosening(.0))]
    Loosened(Vec<(AccordTemplate, Vec<Setting>)>),
    /// The host, or its environment, and `[global]` of the policy file make the same settings, to different values.
    #[error(
        "`[global]` sets {} to something else than the host or its environment does: set it in one place",
        keys(.0)
    )]
    Contradicted(Vec<Setting>),
}

fn keys(settings: &[Setting]) -> String {
    let keys: Vec<_> = settings.iter().map(|it| format!("`{it}`")).collect();
    keys.join(", ")
}

fn loosening(templates: &[(AccordTemplate, Vec<Setting>)]) -> String {
    let each = templates.iter();
    let each = each.map(|(name, settings)| format!("accord `{name}` loosens {}", keys(settings)));
    let each: Vec<_> = each.collect();
    each.join(", and ")
}
