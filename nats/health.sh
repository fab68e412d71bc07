#!/bin/sh
# The broker's health: the server, its streams and its consumers. A stream that could not be written, because
# the disk was full, takes nothing from then on, until the server is started anew. So that is done here once
# there is room: what was accepted goes on without anybody's hand.
# The answer also goes into a file that the services read: the monitor listens inside this container alone.
answer=$(printf 'GET /healthz HTTP/1.0\r\n\r\n' | nc -w 1 127.0.0.1 8222 | tail -n 1)
echo "$answer"
page=/run/health/health
echo "$answer" >"$page.new" && mv "$page.new" "$page"
case $answer in
    *'"status":"ok"'*) exit 0 ;;
    *'write error'*)
        # KiB; with less it would be full again at once.
        if [ "$(df -Pk /data | awk 'NR == 2 {print $4}')" -ge 16384 ]; then
            echo "there is room again: the server starts anew"
            kill -TERM 1
        fi
        ;;
esac
exit 1
