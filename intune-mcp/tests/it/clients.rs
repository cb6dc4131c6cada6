//! Clients of both transports, each in the lifecycle of before and of since 2026-07-28.

use std::sync::Arc;

use intune_core::Capability;
use intune_mcp::{McpService, serve_on};
use rmcp::{
    ClientLifecycleMode, ClientServiceExt as _, RoleClient,
    model::{CallToolRequestParams, CallToolResult, ProtocolVersion},
    service::{ClientInitializeError, RunningService, ServiceError},
    transport::{
        StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::world::{World, token};

pub(crate) struct Client(RunningService<RoleClient, ()>);

pub(crate) fn lifecycles() -> [ClientLifecycleMode; 2] {
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    [
        ClientLifecycleMode::Initialize,
        ClientLifecycleMode::Discover { preferred_versions },
    ]
}

/// Four clients of one caller: over HTTP and over streams, old and new.
pub(crate) async fn clients(world: &Arc<World>, able: &[Capability]) -> Vec<Client> {
    let url = serve(world, |service| service).await;
    let mut clients = Vec::new();
    for lifecycle in lifecycles() {
        let token = token(&url, "adele", able, 3600);
        clients.push(over_http(&url, &token, lifecycle.clone()).await.unwrap());
        clients.push(over_streams(world, able, lifecycle).await);
    }
    clients
}

/// Serves the tools over HTTP, and says where.
pub(crate) async fn serve(
    world: &Arc<World>,
    adjust: impl FnOnce(McpService) -> McpService,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let service = adjust(world.service(&url));
    let app = axum::Router::new().nest_service("/mcp", service);
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

pub(crate) async fn over_http(
    url: &str,
    token: &str,
    lifecycle: ClientLifecycleMode,
) -> Result<Client, ClientInitializeError> {
    let config = StreamableHttpClientTransportConfig::with_uri(url).auth_header(token);
    let transport = StreamableHttpClientTransport::from_config(config);
    ().serve_with_lifecycle(transport, lifecycle)
        .await
        .map(Client)
}

pub(crate) async fn over_streams(
    world: &Arc<World>,
    able: &[Capability],
    lifecycle: ClientLifecycleMode,
) -> Client {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (input, output) = tokio::io::split(ours);
    tokio::spawn(serve_on(world.tools(), world.adele(able), input, output));
    let transport = tokio::io::split(theirs);
    let client = ().serve_with_lifecycle(transport, lifecycle).await;
    Client(client.unwrap())
}

impl Client {
    pub(crate) async fn tools(&self) -> Vec<rmcp::model::Tool> {
        self.0.list_all_tools().await.unwrap()
    }

    pub(crate) async fn tool_names(&self) -> Vec<String> {
        let tools = self.tools().await;
        tools
            .into_iter()
            .map(|tool| tool.name.into_owned())
            .collect()
    }

    pub(crate) async fn try_call(
        &self,
        tool: &str,
        arguments: Value,
    ) -> Result<CallToolResult, ServiceError> {
        let Value::Object(arguments) = arguments else {
            panic!("arguments are an object");
        };
        let call = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        self.0.call_tool(call).await
    }

    /// The structured content, and whether it is an error.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> (Value, bool) {
        let result = self.try_call(tool, arguments).await.unwrap();
        let structured = result.structured_content.clone().unwrap();
        // Clients that know of nothing but text find the same there.
        let text = result.content.last().unwrap().as_text().unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(&text.text).unwrap(),
            structured
        );
        (structured, result.is_error.unwrap_or_default())
    }

    pub(crate) async fn succeed(&self, tool: &str, arguments: Value) -> Value {
        let (structured, is_error) = self.call(tool, arguments).await;
        assert!(!is_error, "{structured}");
        structured
    }

    pub(crate) async fn fail(&self, tool: &str, arguments: Value) -> Value {
        let (structured, is_error) = self.call(tool, arguments).await;
        assert!(is_error, "{structured}");
        structured
    }
}
