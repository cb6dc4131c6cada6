//! intune-graph
