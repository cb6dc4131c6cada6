//! What clients are told of the tools.

use intune_core::Capability::{self, Mutate, Propose, Read};
use intune_mcp::IntuneTools;
use std::sync::Arc;

use crate::{
    clients::{clients, lifecycles, over_streams},
    world::World,
};

#[tokio::test]
async fn a_caller_sees_what_its_scope_allows_always_in_the_same_order() {
    let world = World::new();
    let cases: [(&[Capability], &[&str]); 5] = [
        (&[], &[]),
        (&[Read], &["list_devices", "get_device_compliance"]),
        (&[Propose], &["sync_device"]),
        (&[Mutate], &["remote_lock"]),
        (
            &[Read, Propose, Mutate],
            &[
                "list_devices",
                "get_device_compliance",
                "sync_device",
                "remote_lock",
            ],
        ),
    ];
    for (able, tools) in cases {
        for client in clients(&world, able).await {
            assert_eq!(client.tool_names().await, tools);
        }
    }
}

#[tokio::test]
async fn there_are_no_tools_where_intune_is_off() {
    let world = World::new();
    let tools = IntuneTools::builder(None, Arc::new(world.clock.clone()))
        .build()
        .unwrap();
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (input, output) = tokio::io::split(ours);
    let adele = world.adele(&[Read, Propose, Mutate]);
    tokio::spawn(intune_mcp::serve_on(tools, adele, input, output));
    let client = rmcp::serve_client((), tokio::io::split(theirs))
        .await
        .unwrap();
    assert_eq!(client.list_all_tools().await.unwrap(), []);
}

#[tokio::test]
async fn annotations_say_what_a_tool_does() {
    let world = World::new();
    let [old, _] = lifecycles();
    let client = over_streams(&world, &Capability::ALL, old).await;
    // Read-only, destructive, idempotent.
    let expected = [
        ("list_devices", [true, false, true]),
        ("get_device_compliance", [true, false, true]),
        ("sync_device", [false, false, true]),
        ("remote_lock", [false, true, false]),
    ];
    for (tool, (name, hints)) in client.tools().await.into_iter().zip(expected) {
        assert_eq!(tool.name, name);
        assert!(tool.title.is_some_and(|title| !title.is_empty()));
        assert!(
            tool.description
                .is_some_and(|description| description.len() > 40)
        );
        let annotations = tool.annotations.unwrap();
        let given = [
            annotations.read_only_hint,
            annotations.destructive_hint,
            annotations.idempotent_hint,
        ];
        assert_eq!(given, hints.map(Some), "{name}");
        assert_eq!(annotations.open_world_hint, Some(false));
    }
}

#[tokio::test]
async fn schemas_are_objects_that_refer_to_nothing_else() {
    let world = World::new();
    let [old, _] = lifecycles();
    let client = over_streams(&world, &Capability::ALL, old).await;
    for tool in client.tools().await {
        let input = serde_json::to_value(&tool.input_schema).unwrap();
        assert_eq!(input["type"], "object");
        assert_eq!(input["additionalProperties"], false);
        for required in input["required"].as_array().unwrap() {
            let name = required.as_str().unwrap();
            assert!(input["properties"].get(name).is_some(), "{name}");
        }
        let output = serde_json::to_value(tool.output_schema.unwrap()).unwrap();
        assert_eq!(output["type"], "object");
        assert_eq!(output["anyOf"].as_array().unwrap().len(), 2);
        assert!(!output.to_string().contains("$ref"), "{output}");
        let canaries = ["serial", "principal", "phone", "imei", "email"];
        let text = output.to_string().to_lowercase();
        for canary in canaries {
            assert!(!text.contains(&format!("\"{canary}")), "{canary}");
        }
    }
}
