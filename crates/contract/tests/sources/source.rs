//! Identifiers and strings of Rust source.

use proc_macro2::{TokenStream, TokenTree};

/// Every identifier and string of the source, as [`words`]. Comments are left out.
pub(crate) fn texts(source: &str) -> impl Iterator<Item = String> {
    let tokens: TokenStream = source.parse().expect("a file of the repository is Rust");
    let mut texts = Vec::new();
    collect(tokens, &mut texts);
    texts.into_iter()
}

/// The words of a name or a sentence, lower case, parted by one blank: `InHand` and `in_hand` become `in hand`.
pub(crate) fn words(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    let mut last = ' ';
    for letter in text.chars() {
        let is_new_word = letter.is_uppercase() && last.is_lowercase();
        if (is_new_word || !letter.is_alphanumeric()) && !words.ends_with(' ') {
            words.push(' ');
        }
        if letter.is_alphanumeric() {
            words.extend(letter.to_lowercase());
        }
        last = letter;
    }
    words.trim().to_owned()
}

fn collect(tokens: TokenStream, texts: &mut Vec<String>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) if !is_doc(&group.stream()) => {
                collect(group.stream(), texts);
            }
            TokenTree::Ident(name) => texts.push(words(&name.to_string())),
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                if text.contains('"') {
                    texts.push(words(&text.replace("\\n", " ")));
                }
            }
            TokenTree::Group(_) | TokenTree::Punct(_) => {}
        }
    }
}

/// Whether these are the tokens of a doc comment, which is an attribute to the compiler.
fn is_doc(tokens: &TokenStream) -> bool {
    let mut tokens = tokens.clone().into_iter();
    let is_name = matches!(tokens.next(), Some(TokenTree::Ident(name)) if name == "doc");
    is_name && matches!(tokens.next(), Some(TokenTree::Punct(sign)) if sign.as_char() == '=')
}
