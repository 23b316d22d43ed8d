/**
 * The configuration files of the demo's Asterisk, as text.
 *
 * A pure function of what it is given. Everything listens on 127.0.0.1, every secret is made up by the caller, and only
 * the modules that calls, the dialplan, AMI and ARI need are loaded (about a third of what Asterisk has, for a start in
 * half a second and no surprise listeners).
 */

export interface AsteriskFolders {
  /** Where everything of this instance lies. */
  readonly base: string;
  /** The folder with the `.so` files. */
  readonly modules: string;
}

export interface AsteriskAccount {
  readonly username: string;
  readonly password: string;
}

export interface AsteriskConfigInput {
  readonly folders: AsteriskFolders;
  /** Names of the module files that exist in this version. */
  readonly availableModules: ReadonlySet<string>;
  readonly extraModules: readonly string[];
  readonly ports: { readonly sip: number; readonly ami: number; readonly http: number; readonly rtpFirst: number };
  readonly phones: readonly AsteriskAccount[];
  readonly carriers: Readonly<Record<string, { readonly host: string; readonly port: number }>>;
  /** The account for AMI and ARI. */
  readonly account: AsteriskAccount;
  readonly globals: Readonly<Record<string, string>>;
  /** Contexts, as they would stand in extensions.conf. Phones call into `from-phones`. */
  readonly dialplan: string;
  /** Files that extensions.conf includes, by absolute path. */
  readonly includes: readonly string[];
}

const wantedModules = [
  'res_pjproject res_sorcery_astdb res_sorcery_config res_sorcery_memory res_http_websocket res_websocket_client',
  'res_pjsip res_pjsip_session res_pjsip_pubsub res_pjsip_authenticator_digest res_pjsip_outbound_authenticator_digest',
  'res_pjsip_endpoint_identifier_user res_pjsip_endpoint_identifier_ip res_pjsip_registrar res_pjsip_caller_id',
  'res_pjsip_rfc3326 res_pjsip_sdp_rtp res_pjsip_nat res_pjsip_refer res_pjsip_dtmf_info res_pjsip_acl res_pjsip_path',
  'res_pjsip_header_funcs res_pjsip_diversion res_pjsip_logger res_rtp_asterisk chan_pjsip func_pjsip_endpoint',
  'func_pjsip_aor func_pjsip_contact res_security_log res_crypto',
  'res_stasis res_stasis_answer res_stasis_playback res_stasis_recording res_stasis_snoop res_stasis_device_state app_stasis',
  'res_ari res_ari_model res_ari_applications res_ari_asterisk res_ari_bridges res_ari_channels res_ari_device_states',
  'res_ari_endpoints res_ari_events res_ari_playbacks res_ari_recordings res_ari_sounds',
  'res_speech res_agi res_clioriginate res_musiconhold res_timing_timerfd res_parking',
  'app_dial app_stack app_playback app_verbose app_exec app_originate app_read app_echo app_userevent app_senddtmf',
  'app_transfer app_confbridge app_system app_db app_playtones app_cdr app_while app_channelredirect',
  'func_channel func_callerid func_cdr func_timeout func_hangupcause func_strings func_logic func_dialplan func_global',
  'func_math func_uri func_cut func_db func_env func_rand func_sprintf func_base64 func_groupcount func_export func_md5',
  'pbx_config bridge_simple bridge_native_rtp bridge_softmix bridge_holding bridge_builtin_features',
  'codec_ulaw codec_alaw codec_resample format_wav format_pcm cdr_csv',
].flatMap((line) => line.split(' '));

/** File name to text, for the `etc` folder. */
export function asteriskConfig(input: AsteriskConfigInput): Readonly<Record<string, string>> {
  const { base, modules } = input.folders;
  const load = [...wantedModules, ...input.extraModules].filter((name) => input.availableModules.has(`${name}.so`));
  return {
    'asterisk.conf': section('directories', {
      astetcdir: `${base}/etc`,
      astmoddir: modules,
      astvarlibdir: `${base}/var`,
      astdbdir: `${base}/var`,
      astkeydir: `${base}/var`,
      astdatadir: `${base}/data`,
      astagidir: `${base}/data/agi-bin`,
      astspooldir: `${base}/spool`,
      astrundir: `${base}/run`,
      astlogdir: `${base}/log`,
      astcachedir: `${base}/cache`,
      astsbindir: `${base}/run`,
    }).concat(section('options', { verbose: '3', nocolor: 'yes', systemname: '', defaultlanguage: 'en' })),
    'modules.conf': `${section('modules', { autoload: 'no' })}${load.map((name) => `load = ${name}.so\n`).join('')}`,
    'logger.conf': section('general', { dateformat: '%F %T.%3q' }).concat(
      section('logfiles', { full: 'notice,warning,error,verbose(3)' }),
    ),
    'pjsip.conf': pjsip(input),
    'rtp.conf': section('general', {
      rtpstart: String(input.ports.rtpFirst),
      rtpend: String(input.ports.rtpFirst + 999),
    }),
    'manager.conf': section('general', {
      enabled: 'yes',
      bindaddr: '127.0.0.1',
      port: String(input.ports.ami),
    }).concat(
      section(input.account.username, {
        secret: input.account.password,
        read: 'all',
        write: 'all',
        writetimeout: '1000',
        deny: '0.0.0.0/0.0.0.0',
        permit: '127.0.0.1/255.255.255.255',
      }),
    ),
    'http.conf': section('general', {
      enabled: 'yes',
      bindaddr: '127.0.0.1',
      bindport: String(input.ports.http),
    }),
    'ari.conf': section('general', { enabled: 'yes' }).concat(
      section(input.account.username, { type: 'user', read_only: 'no', password: input.account.password }),
    ),
    'musiconhold.conf': section('default', { mode: 'files', directory: `${base}/data/moh` }),
    // Without a `description` the zone is refused and Playtones and Progress complain.
    'indications.conf': section('general', { country: 'us' }).concat(
      section('us', {
        description: 'United States',
        ringcadence: '2000,4000',
        dial: '350+440',
        busy: '480+620/500,0/500',
        ring: '440+480/2000,0/4000',
        congestion: '480+620/250,0/250',
      }),
    ),
    'cdr.conf': section('general', { enable: 'yes', unanswered: 'yes' }).concat(
      section('csv', { usegmtime: 'yes', loguniqueid: 'yes', loguserfield: 'yes' }),
    ),
    'extensions.conf': extensions(input),
    // Read by modules that complain loudly when the file is absent.
    'features.conf': section('general', {}),
    'confbridge.conf': section('general', {}),
    'res_parking.conf': section('general', {}),
    'stasis.conf': '',
    'acl.conf': '',
    'sorcery.conf': '',
    'ccss.conf': '',
    'udptl.conf': section('general', {}),
    'codecs.conf': '',
    'pjproject.conf': '',
    'websocket_client.conf': '',
    'cel.conf': section('general', { enable: 'no' }),
  };
}

function extensions(input: AsteriskConfigInput): string {
  return [
    section('general', { static: 'yes', writeprotect: 'yes', autofallthrough: 'yes' }),
    section('globals', input.globals),
    ...input.includes.map((file) => `#include ${file}\n`),
    input.dialplan,
    '',
  ].join('\n');
}

function pjsip({ ports, phones, carriers }: AsteriskConfigInput): string {
  const endpoint = { type: 'endpoint', disallow: 'all', allow: 'ulaw', direct_media: 'no', transport: 'udp' };
  return [
    section('global', { type: 'global', user_agent: 'Asterisk' }),
    section('udp', { type: 'transport', protocol: 'udp', bind: `127.0.0.1:${ports.sip}` }),
    ...phones.flatMap(({ username, password }) => [
      section(username, {
        ...endpoint,
        context: 'from-phones',
        auth: username,
        aors: username,
        callerid: `Phone ${username} <${username}>`,
        rtp_symmetric: 'yes',
        force_rport: 'yes',
        rewrite_contact: 'yes',
      }),
      section(username, { type: 'auth', auth_type: 'userpass', username, password }),
      section(username, { type: 'aor', max_contacts: '3', remove_existing: 'yes' }),
    ]),
    ...Object.entries(carriers).flatMap(([name, { host, port }]) => [
      section(name, { ...endpoint, context: 'from-carriers', aors: name, trust_id_outbound: 'yes' }),
      section(name, { type: 'aor', contact: `sip:${host}:${port}` }),
    ]),
  ].join('\n');
}

function section(name: string, entries: Readonly<Record<string, string>>): string {
  const lines = Object.entries(entries).map(([key, value]) => `${key} = ${value}\n`);
  return `[${name}]\n${lines.join('')}`;
}
