//! intune-sim
