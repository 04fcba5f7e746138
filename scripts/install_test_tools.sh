#!/usr/bin/env bash
# install_test_tools.sh: what the tests need beside Python: a Chromium, Firefox ESR, Vietnamese fonts, LibreOffice
# Calc, Writer and Impress, and for the networks around the relay coturn, ip and nft.
set -euo pipefail
source "$(dirname "$0")/as_root.sh"

missing=()
if [ -z "${COORDINATOR_CHROMIUM:-}" ] && ! command -v chromium chromium-browser google-chrome >/dev/null; then
    missing+=(chromium)
fi
for tool in firefox-esr:firefox-esr turnserver:coturn ip:iproute2 nft:nftables; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "${tool%%:*}" >/dev/null || missing+=("${tool##*:}")
done
command -v soffice >/dev/null || missing+=(libreoffice-calc)
compgen -G "/usr/lib/libreoffice/program/libswlo.so" >/dev/null ||
    compgen -G "/opt/libreoffice*/program/libswlo.so" >/dev/null || missing+=(libreoffice-writer)
compgen -G "/usr/lib/libreoffice/program/libsdlo.so" >/dev/null ||
    compgen -G "/opt/libreoffice*/program/libsdlo.so" >/dev/null || missing+=(libreoffice-impress)
if ! command -v fc-list >/dev/null || [ -z "$(fc-list ':lang=vi' | head -n 1)" ]; then
    missing+=(fontconfig fonts-noto-core)
fi
[ ${#missing[@]} -eq 0 ] && exit 0

echo "Installing for the tests: ${missing[*]}" >&2
install_packages "${missing[@]}" || {
    echo "The tests need these packages. Please run: sudo apt-get install ${missing[*]}" >&2
    exit 1
}
