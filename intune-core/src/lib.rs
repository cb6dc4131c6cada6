//! intune-core
