//! entra-auth
