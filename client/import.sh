#!/bin/sh
# Give workbooks as arguments, or none and be asked.
here=$(dirname -- "$(readlink -f -- "$0")")
for name in python3.14 python3.13 python3.12 python3.11 python3; do
  python=$(command -v $name) && break
done
code=1
if [ -e "$here/.venv/installed" ] || "${python:-python3}" "$here/install.py"; then
  "$here/.venv/bin/python" -m admin_cli.drop "$@"
  code=$?
fi
if [ -t 0 ]; then
  printf '按回车键关闭 '
  read -r _
fi
exit $code
