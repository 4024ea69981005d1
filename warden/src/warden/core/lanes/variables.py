"""Which names a field must not have: a value becomes an environment variable, and some of these steer programs.

A field is handed over as ``NAME``, or as ``NAME_FILE`` that names a file with the value; neither may be a variable with
which a program is told what to load, where to find its code, whom to trust or where to write. Sources: ld.so(8),
bash(1), environ(7), sudo's env_delete and env_check lists, and the manuals of the languages and tools named here.
"""

import re
from collections.abc import Iterator, Sequence

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*", re.ASCII)  # POSIX.1-2017, Base Definitions, 8.1

_KNOWN = (
    # the shell, the terminal and what they start
    """_ PATH HOME SHELL USER LOGNAME PWD OLDPWD IFS ENV CDPATH FPATH TMPDIR TMP TEMP TERM TERMCAP TERMINFO COLUMNS
    LINES SHELLOPTS SHLVL PS0 PS1 PS2 PS3 PS4 PROMPT PROMPT_COMMAND RPROMPT GLOBIGNORE FIGNORE EXECIGNORE
    HISTFILE INPUTRC UID EUID PPID OPTIND OPTARG REPLY SECONDS TIMEFORMAT POSIXLY_CORRECT MAIL MAILCHECK FCEDIT
    EDITOR VISUAL PAGER MANPAGER BROWSER LESS LESSOPEN LESSCLOSE LESSKEY NULLCMD READNULLCMD ZDOTDIR
    NOTIFY_SOCKET LISTEN_FDS LISTEN_PID LISTEN_FDNAMES CREDENTIALS_DIRECTORY MAINPID""",
    # the loader and the C library
    """LIBPATH RES_OPTIONS HOSTALIASES LOCALDOMAIN RESOLV_HOST_CONF RESOLV_MULTI TZ TZDIR LANG LANGUAGE
    MALLOC_TRACE GETCONF_DIR SEGFAULT_OUTPUT_NAME GMON_OUT_PREFIX GCOV_PREFIX LLVM_PROFILE_FILE
    GDK_PIXBUF_MODULE_FILE""",
    # whom to trust, and what is written about a connection
    """SSLKEYLOGFILE SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE AWS_CA_BUNDLE CURL_SSL_BACKEND
    NODE_EXTRA_CA_CERTS NODE_TLS_REJECT_UNAUTHORIZED SSH_AUTH_SOCK SSH_ASKPASS SSH_ASKPASS_REQUIRE
    NSS_STRICT_NOFORK KRB5CCNAME KRB5_CONFIG KRB5_KTNAME KRB5_TRACE LDAPCONF LDAPRC GNUPGHOME GPG_AGENT_INFO
    KUBECONFIG""",
    # what languages and their tools load or run
    """NODE_REPL_EXTERNAL_MODULE NODE_V8_COVERAGE ELECTRON_RUN_AS_NODE CLASSPATH CATALINA_BASE PHPRC
    PHP_INI_SCAN_DIR R_PROFILE R_PROFILE_USER R_ENVIRON R_ENVIRON_USER R_LIBS R_LIBS_USER COR_PROFILER
    COR_ENABLE_PROFILING MONO_CONFIG GODEBUG GOENV GOROOT GOPROXY GOTRACEBACK BUNDLE_GEMFILE BUNDLE_APP_CONFIG
    BUNDLE_BIN PIP_CONFIG_FILE PIP_INDEX_URL PIP_EXTRA_INDEX_URL UV_INDEX_URL UV_CONFIG_FILE CARGO_BUILD_RUSTC
    RUSTC RUSTC_WRAPPER RUSTDOC MAKEFILES CC CXX LD AR AS CPP GCC_EXEC_PREFIX CMAKE_TOOLCHAIN_FILE
    YARN_RC_FILENAME GTK_MODULES QT_QPA_PLATFORM""",
    # where tools of operators look for their configuration
    """DOCKER_HOST DOCKER_CONFIG DOCKER_TLS_VERIFY CONTAINER_HOST AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE
    AWS_ENDPOINT_URL CLOUDSDK_CONFIG CLOUDSDK_PYTHON BOTO_CONFIG TF_CLI_CONFIG_FILE ANSIBLE_CONFIG
    ANSIBLE_LIBRARY PGSERVICEFILE PGSYSCONFDIR TNS_ADMIN ODBCINI ODBCSYSINI VIMINIT EXINIT""",
)
_STEERING = frozenset(name for names in _KNOWN for name in names.split())
_PREFIXES = (
    *("LD_", "DYLD_", "GLIBC_", "MALLOC_", "BASH", "LC_", "XDG_", "SUDO_", "DBUS_", "SYSTEMD_"),
    *("OPENSSL_", "GNUTLS_", "LDAPTLS_", "GIT_", "NPM_CONFIG_", "KUBERNETES_SERVICE_"),
    *("PYTHON", "PERL5", "PERLLIB", "PERLIO", "PERL_", "RUBY", "GEM_", "JAVA_", "_JAVA", "JDK_", "JVM_"),
    *("DOTNET_", "CORECLR_", "COMPLUS_", "LUA_", "ERL_"),
    *("VAULT_", "BAO_", "WARDEN_"),
)
_ENDINGS = (
    *("PATH", "_PRELOAD", "_PLUGINS", "_MODULES", "_HOOKS", "_LIBDIR", "_MODULE_DIR"),
    *("_OPTS", "_OPTIONS", "OPTIONS", "_FLAGS", "FLAGS", "_ARGS", "_CONF", "_HOME", "_PROXY", "_BROWSER", "_EDITOR"),
)
"""How variables of many programs end: MAVEN_OPTS, QT_PLUGIN_PATH, GTK_MODULES, LDFLAGS, MALLOC_CONF, CARGO_HOME."""


def field_fault(name: str) -> str | None:
    """Why a field of this name must not become an environment variable; ``None`` where it may."""
    if not _VARIABLE.fullmatch(name):
        return "is not an environment variable name; allowed: A-Z, 0-9 and _, not starting with a digit"
    if _steers(name):
        return "would control the program that gets it; choose another name, such as SERVICE_API_KEY"
    if _steers(f"{name}_FILE"):
        return f"would control the program that gets it as {name}_FILE (--as fd); choose another name"
    return None


def clashes(names: Sequence[str]) -> Iterator[tuple[int, str]]:
    """(index, why) of each field that is the ``NAME_FILE`` of another field: a program could not tell them apart."""
    for index, name in enumerate(names):
        other = name.removesuffix("_FILE")
        if other != name and other in names:
            yield index, f"is also the variable that names the file of {other} (--as fd); choose another name"


def _steers(name: str) -> bool:
    return name in _STEERING or name.startswith(_PREFIXES) or name.endswith(_ENDINGS)
