//! compliance-gate
