@echo off
rem Drag workbooks onto this file. ASCII only, so that no code page matters: Python says the Chinese.
setlocal DisableDelayedExpansion
pushd "%~dp0"
if exist .venv\installed goto run
set "PY=python"
where /q py && set "PY=py -3"
%PY% install.py && goto run
start "" readme.txt
goto end
:run
rem A path with an ampersand and no blank comes unquoted, and only the raw line still has it whole.
setlocal EnableDelayedExpansion
set "SERVICEMAP_DROPPED=!cmdcmdline!"
.venv\Scripts\python.exe -m admin_cli.drop
:end
pause
rem Not exit /b: cmd would go on with what stands behind the ampersand.
exit
