//! How full the store is.

use axum::Json;
use axum::extract::State;

use crate::state::ConsoleState;
use crate::store::StoreStatus;

/// `GET /api/status`: counts and limits of every signal.
pub(super) async fn status(State(state): State<ConsoleState>) -> Json<StoreStatus> {
    Json(state.store.status())
}
