//! Tiles as their submitter sees them: limits, the command line, the value.

use serde_json::json;

use super::*;
use crate::run::testing::{TileList, context_of, ends_soon_after_its_cancel, value};

fn small() -> Render {
    Render { width: 40, height: 30, center: [-0.5, 0.0], zoom: 1.0 }
}

#[test]
fn every_field_is_limited() {
    assert!(Render { width: SIDE_MAX, height: 1_024, ..small() }.check().is_ok());
    let wrong = [
        (Render { width: 0, ..small() }, "width"),
        (Render { height: SIDE_MAX + 1, ..small() }, "height"),
        (Render { width: 4_096, height: 2_048, ..small() }, ""),
        (Render { center: [0.0, 5.0], ..small() }, "center"),
        (Render { zoom: 0.05, ..small() }, "zoom"),
        (Render { zoom: f64::NAN, ..small() }, "zoom"),
    ];
    for (render, field) in wrong {
        assert_eq!(render.check().unwrap_err().field, field, "{render:?}");
    }
}

#[test]
fn center_and_zoom_have_defaults_on_the_command_line() {
    let tile = Render { width: 4, height: 3, center: [-1.0, 0.5], zoom: 2.0 };
    assert_eq!(Render::from_cli("4x3@-1,0.5,2"), Some(tile.clone()));
    assert_eq!(Render::from_cli("4x3@-1,0.5"), Some(Render { zoom: 1.0, ..tile }));
    for wrong in ["9", "4x3@1", "4x3@1,2,3,4", "x", "4x-3"] {
        assert_eq!(Render::from_cli(wrong), None, "{wrong}");
    }
}

#[tokio::test]
async fn the_value_describes_the_tile() {
    let value = value(small()).await;
    assert_eq!(value["tile"], "tile-1");
    assert_eq!((&value["width"], &value["height"]), (&json!(40), &json!(30)));
    assert!(value["bytes"].as_u64().unwrap() > 1_000);
}

#[tokio::test]
async fn a_store_that_refuses_is_not_an_error_of_the_operation() {
    let (context, progress, _) = context_of(TileList::closed());
    let error = small().run(&context).await.unwrap_err();
    let OperationError::Unavailable(cause) = error else {
        panic!("{error:?}");
    };
    assert_eq!(cause.to_string(), "the store is closed");
    assert!(*progress.borrow() < 1.0);
}

#[tokio::test]
async fn a_cancelled_tile_ends() {
    let center = [-0.743_643_887_037_151, 0.131_825_904_205_330];
    let deepest = Render { width: 256, height: 256, center, zoom: ZOOM_MAX };
    ends_soon_after_its_cancel(deepest).await;
}
