//! The peers, as their own examples set them up: with no options.

use std::sync::Arc;

use azure_core::credentials::{Secret, TokenCredential as _};
use azure_identity::ClientSecretCredential as AzureCredential;
use graph_core::identity::ClientApplication as _;
use graph_oauth::{ClientSecretCredential as GraphCredential, ConfidentialClientApplication};

use crate::{
    Measure, ready,
    stage::{Application, SCOPE},
    wait_for,
};

pub(crate) struct Azure(Arc<AzureCredential>);

impl Azure {
    pub(crate) fn signed_in() -> Self {
        let application = Application::of_the_stage();
        let secret = Secret::new(application.client_secret);
        let (tenant, client_id) = (application.tenant, application.client_id);
        let credential = AzureCredential::new(&tenant, client_id, secret, None)
            .expect("a credential can be made");
        wait_for(credential.get_token(&[SCOPE], None)).expect("the tenant gives a token");
        Self(credential)
    }

    pub(crate) fn measure(&self, measure: &mut impl Measure) {
        measure.path("azure_identity: ClientSecretCredential::get_token", || {
            || ready(self.0.get_token(&[SCOPE], None)).expect("it is cached")
        });
    }
}

pub(crate) struct GraphOauth(ConfidentialClientApplication<GraphCredential>);

impl GraphOauth {
    pub(crate) fn signed_in() -> Self {
        let application = Application::of_the_stage();
        let mut client = ConfidentialClientApplication::builder(application.client_id.as_str())
            .with_client_secret(application.client_secret)
            .with_tenant(application.tenant)
            .build();
        wait_for(client.get_token_silent_async()).expect("the tenant gives a token");
        Self(client)
    }

    pub(crate) fn measure(&self, measure: &mut impl Measure) {
        measure.path("graph-oauth: get_token_silent_async", || {
            // A call needs it mutable, so a thread needs a clone. They share the cache.
            let mut client = self.0.clone();
            move || ready(client.get_token_silent_async()).expect("it is cached")
        });
    }
}
