#!/bin/sh
# Runs once before the broker, in its image: makes a password for each user at the first start, and
# gives each file to the one user that may read it. Usage: secrets.sh FOLDER NAME:UID…
set -eu
umask 077
folder=$1
shift
chmod 711 "$folder"
for user in "$@"; do
  name=${user%:*}
  [ -s "$folder/$name" ] || tr -dc 'a-z0-9' </dev/urandom | head -c 40 >"$folder/$name"
done
# The broker's copy is written anew each time, so that the two never differ.
: >"$folder/passwords.conf.new"
for user in "$@"; do
  name=${user%:*}
  upper=$(echo "$name" | tr 'a-z' 'A-Z')
  printf '%s_PASSWORD: "%s"\n' "$upper" "$(cat "$folder/$name")" >>"$folder/passwords.conf.new"
done
mv "$folder/passwords.conf.new" "$folder/passwords.conf"
for user in "$@"; do
  chown "${user#*:}" "$folder/${user%:*}"
done
chown 10000 "$folder/passwords.conf"
