//! What Entra ID answers, what an API wants of the next token, and what an operator takes for a certificate.

mod certificate_pem;
mod claims_challenge;
mod token_answer;

pub use certificate_pem::certificate_pem;
pub use claims_challenge::claims_challenge;
pub use token_answer::token_answer;
