//! How the console itself is.

use axum::Json;
use axum::extract::State;

use crate::start::Shared;
use crate::store::StoreStatus;

/// `GET /api/status`: counts and limits of every signal.
pub(super) async fn status(State(shared): State<Shared>) -> Json<StoreStatus> {
    Json(shared.store.status())
}
