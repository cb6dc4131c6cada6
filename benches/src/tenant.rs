use entra_auth::{
    Credential, EntraClient, Scope,
    http::{HttpClient, ServiceUrl},
};
use intune_sim::{Sim, SimConfig};
use tokio::runtime::Builder;

/// A client that holds a token for `scope`, from a tenant that is gone when this returns.
pub(crate) fn signed_in(scope: &Scope) -> EntraClient {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime
        .expect("a runtime can be made")
        .block_on(async {
            let sim = Sim::start(SimConfig::default()).await?;
            let authority: ServiceUrl = sim.authority().as_str().parse()?;
            let client = EntraClient::builder(
                sim.tenant().parse()?,
                sim.client_id().parse()?,
                Credential::secret(sim.client_secret().into()),
            )
            .authority(authority)
            .http(HttpClient::new()?)
            .build()?;
            client.token(scope).await?;
            sim.stop().await;
            Ok::<_, Box<dyn std::error::Error>>(client)
        })
        .expect("the tenant gives a token")
}
