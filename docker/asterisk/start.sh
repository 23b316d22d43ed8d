#!/bin/sh
# Puts the passwords where Asterisk reads them, and becomes Asterisk.
set -eu
umask 077

# $1 secret, $2 key, $3 file
write() {
  password=$(head -n 1 "/run/secrets/$1")
  case "$password" in
    '' | *[!0-9A-Za-z._-]*)
      echo "the secret \"$1\" must be one line of letters, digits, '.', '_' and '-'" >&2
      exit 1
      ;;
  esac
  printf '%s = %s\n' "$2" "$password" > "/etc/asterisk/$3"
}
write asterisk secret manager-password.conf
write asterisk password ari-password.conf
write phone password phone-password.conf
exec asterisk -f
