# One image with the one binary; the command names the service. Built by `docker compose build`.
ARG RUST_VERSION=1.95
ARG RUST_DIGEST=
FROM rust:${RUST_VERSION}-slim-bookworm${RUST_DIGEST} AS build
# A command that fails fails its line, at whatever place it stands.
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# Set by the builder, as amd64 or arm64: each has its own cache, and the compiler is that machine's own.
ARG TARGETARCH
WORKDIR /src
COPY . .
# A static executable needs nothing beside it. Naming the target keeps procedural macros dynamic.
# Dependencies stay in the cache mounts, so a changed line of ours compiles ours alone.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target,sharing=locked \
    target="$(rustc -vV | sed -n 's/^host: //p')" \
    && RUSTFLAGS="-C target-feature=+crt-static" \
       cargo build --profile dist --locked --package waybill --target "$target" --target-dir "target/${TARGETARCH:-native}" \
    && mkdir -p /root-of-image/etc/ssl/certs /root-of-image/tmp /root-of-image/spans \
    && chmod 1777 /root-of-image/tmp /root-of-image/spans \
    && cp "target/${TARGETARCH:-native}/$target/dist/waybill" /root-of-image/waybill \
    && cp /etc/ssl/certs/ca-certificates.crt /root-of-image/etc/ssl/certs/ \
    && echo 'hosts: files dns' > /root-of-image/etc/nsswitch.conf \
    && echo 'waybill:x:10001:10001::/:/waybill' > /root-of-image/etc/passwd

FROM scratch
COPY --from=build /root-of-image /
USER 10001:10001
# The allocator takes memory as it is used, not a large piece ahead: half the memory under load.
ENV MIMALLOC_ARENA_EAGER_COMMIT=0
ENTRYPOINT ["/waybill"]
