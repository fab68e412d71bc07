//! The navigation, against the table of pages.

use crate::under_test::Console;

/// Path and title of every link in the navigation.
fn links(page: &str) -> Vec<(&str, &str)> {
    let navigation = page.split("<nav ").nth(1).and_then(|rest| rest.split("</nav>").next());
    navigation.expect("a navigation").split("href=\"").skip(1).filter_map(link).collect()
}

fn link(text: &str) -> Option<(&str, &str)> {
    let (path, rest) = text.split_once('"')?;
    Some((path, rest.split_once('>')?.1.split_once('<')?.0))
}

#[tokio::test]
async fn every_page_of_the_table_is_in_the_navigation_and_responds_with_its_title() {
    let console = Console::start().await;
    let pages: Vec<_> = console::navigation().collect();
    assert!(pages.len() >= 3, "{pages:?}");
    for (path, title) in &pages {
        let page = console.page(path).await;
        assert_eq!(links(&page), pages, "the navigation of {path}");
        assert!(page.contains(&format!("<title>{title} · Waybill</title>")), "{path}: {page}");
        let current = format!("href=\"{path}\" aria-current=\"page\">{title}<");
        assert!(page.contains(&current), "{path}: {page}");
        assert_eq!(page.matches("aria-current=\"page\"").count(), 1, "{path}: {page}");
    }
}

#[tokio::test]
async fn a_page_that_is_not_in_the_navigation_marks_no_entry() {
    let console = Console::start().await;
    for path in ["/traces/none", "/jobs/none", "/nowhere", "/?status=purple"] {
        let (status, page) = console.any_page(path).await;
        assert!(status.is_client_error(), "{path}: {status}");
        assert!(links(&page).len() >= 3 && !page.contains("aria-current=\"page\""), "{page}");
    }
}
