//! The gate in front of a service: a [`tower`](https://docs.rs/tower) layer.

mod caller;
mod grpc;
mod json;
mod refusal;
mod service;

use std::{fmt, sync::Arc};

use http::request::Parts;
use intune_core::AccordTemplate;

use crate::Gate;

pub use caller::VerifiedCaller;
pub use grpc::GrpcRefusals;
pub use json::JsonRefusals;
pub use refusal::{Refusal, Refuse};
pub use service::GateService;

/// Lets only those requests through that the gate allows; any `tower` server takes it.
///
/// It reads who asks from the [`VerifiedCaller`] among the request's extensions, which the host's authentication put
/// there, and the trace from `traceparent`. If the gate allows, the service is called, and finds the
/// [`Decision`](crate::Decision) among the extensions: its evidence, when it ends, and
/// [what it may be used for](crate::Decision::capability_limit). If not, the service isn't called, and the answer is
/// [`JsonRefusals`]'s, or another's.
///
/// In axum a handler takes it as `Extension<Decision>`; in tonic it is in `Request::extensions`. Of gates within each
/// other, the innermost's is found.
///
/// It fails closed: a request without a caller, or without a template, is refused. So authentication must run first. In
/// an axum `Router` that is the layer added last; in a `ServiceBuilder` or a tonic `Server`, the one added first.
///
/// ```
/// # use std::{convert::Infallible, sync::Arc};
/// # use clock::SystemClock;
/// # use http::{Request, Response};
/// # use intune_core::{ComplianceSource, EntraDeviceId, Freshness, Observation, Principal};
/// # use intune_core::{SourceFailure, SourceFailureKind};
/// # use tower::{ServiceBuilder, ServiceExt as _, service_fn};
/// # #[derive(Debug)] struct Down;
/// # #[async_trait::async_trait] impl ComplianceSource for Down {
/// #     async fn compliance(&self, _: EntraDeviceId, _: Freshness) -> Result<Observation, SourceFailure> {
/// #         Err(SourceFailure::new(SourceFailureKind::Unavailable))
/// #     }
/// # }
/// use compliance_gate::{DeviceIdentity, Gate, GateLayer, Policies, PolicyLayer, VerifiedCaller};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let source = Arc::new(Down);
/// let policies = Policies::builder().global(PolicyLayer::new().required(true).strict(true)).build()?;
/// let gate = Gate::builder(policies, source, Arc::new(SystemClock::new())).unrecorded().build()?;
/// let service = ServiceBuilder::new()
///     .layer(GateLayer::new(gate, "device-management".parse()?))
///     .service(service_fn(async |_: Request<String>| {
///         Ok::<_, Infallible>(Response::new("a secret".to_owned()))
///     }));
///
/// // What the host's authentication does, once the token is verified; this one names no device.
/// let adele = Principal::new("https://login.example/t1/v2.0", "adele");
/// let mut request = Request::new(String::new());
/// request.extensions_mut().insert(VerifiedCaller::new(adele, DeviceIdentity::Absent));
///
/// let response = service.oneshot(request).await?;
/// assert_eq!(response.status(), 403);
/// assert!(response.body().contains(r#""reason":"no_device_identity""#));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct GateLayer<R = JsonRefusals> {
    gate: Gate,
    template: Arc<Chooser>,
    live: bool,
    refuse: R,
}

type Chooser = dyn Fn(&Parts) -> Option<AccordTemplate> + Send + Sync;

impl GateLayer {
    /// Gates by one template, whatever is requested: for a router or route of its own.
    pub fn new(gate: Gate, template: AccordTemplate) -> Self {
        Self::by_request(gate, move |_| Some(template.clone()))
    }

    /// Gates each request by the template that `template` names for it; refuses those for which it names none.
    pub fn by_request(
        gate: Gate,
        template: impl Fn(&Parts) -> Option<AccordTemplate> + Send + Sync + 'static,
    ) -> Self {
        Self {
            gate,
            template: Arc::new(template),
            live: false,
            refuse: JsonRefusals,
        }
    }
}

impl<R> GateLayer<R> {
    /// Has the device looked up for each request, as [`GateRequest::live`](crate::GateRequest::live): for routes that
    /// do what can't be undone.
    pub fn live(mut self) -> Self {
        self.live = true;
        self
    }

    /// Answers refused requests by `refuse`: [`GrpcRefusals`], or a closure.
    pub fn refuse_with<Other>(self, refuse: Other) -> GateLayer<Other> {
        GateLayer {
            gate: self.gate,
            template: self.template,
            live: self.live,
            refuse,
        }
    }
}

impl<S, R: Clone> tower_layer::Layer<S> for GateLayer<R> {
    type Service = GateService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        GateService::new(self.clone(), inner)
    }
}

impl<R> fmt::Debug for GateLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateLayer")
            .field("gate", &self.gate)
            .field("live", &self.live)
            .finish_non_exhaustive()
    }
}
