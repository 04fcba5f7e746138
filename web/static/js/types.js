// @ts-check
/**
 * The shapes that cross the wire, as the server sends them. Nothing but types lives here.
 *
 * @typedef {"scheduled"|"open"|"live"|"break"|"ended"|"cancelled"} Phase
 * @typedef {"absent"|"waiting"|"online"|"weak"|"unstable"|"lost"} SiteState
 *
 * @typedef {object} Headcount
 * @property {number} present
 * @property {number|null} [members]
 * @property {number|null} [excused]
 * @property {number|null} [unexcused]
 * @property {number|null} [extra]
 * @property {string|null} [note]
 * @property {boolean} confirmed
 * @property {number|null} [roll_call]
 *
 * @typedef {object} SiteEntry
 * @property {string} code
 * @property {string} name
 * @property {SiteState} state
 * @property {string|null} connection
 * @property {number} expected
 * @property {number|null} [expected_members]
 * @property {Headcount|null} headcount
 * @property {number|null} hand place in the queue, from 1
 * @property {string|null} [topic]
 * @property {string|null} [contact_name]
 * @property {string|null} [contact_phone]
 * @property {boolean} [confirmed_by_phone]
 * @property {boolean} [answered] the roll call that runs now
 * @property {{verdict: "good"|"fair"|"poor"|null, at: string}|null} [check] for hosts: its newest line check
 *
 * @typedef {object} Stage
 * @property {string} left "hub", "slides" or a site's code
 * @property {string|null} [right]
 *
 * @typedef {{title: string, minutes: number|null, site: string|null}} AgendaItem
 *
 * @typedef {object} Snapshot
 * @property {string} id
 * @property {number} seq
 * @property {string} title
 * @property {string} kind
 * @property {string|null} [document_number]
 * @property {Phase} phase
 * @property {string|null} [starts_at]
 * @property {string|null} started_at
 * @property {string|null} ended_at
 * @property {string} [now] the server's clock
 * @property {string|null} floor
 * @property {Stage} stage
 * @property {Stage} [programme] for hosts: the stage as it is without the floor
 * @property {string|null} [floor_since]
 * @property {string|null} [break_since]
 * @property {string} [media] applied, pending or failed
 * @property {number|null} [slide] the page shown, from 1
 * @property {string|null} [document] the document whose page is shown
 * @property {string|import("./page-store.js").HeldDocument[]} [documents] for a site: a text that changes when they do
 * @property {number} [messages] how many there are
 * @property {number} [roll_call]
 * @property {{number: number, mode: string, label: string|null, called: string|null}|null} [calling] the newest roll call
 * @property {AgendaItem[]} [agenda] for hosts
 * @property {number|null} [agenda_item] where the briefing is, from 1
 * @property {string|null} [agenda_since]
 * @property {{connections: number, audio: boolean, video: boolean, screen: boolean}} [hub] for hosts: what the hall sends
 * @property {SiteEntry[]} [sites]
 * @property {SiteEntry} [site]
 *
 * @typedef {object} Offered one of several briefings that are on for this site
 * @property {string} id
 * @property {string} title
 * @property {string|null} document_number
 *
 * @typedef {object} PageSite
 * @property {string} code
 * @property {string} name
 * @property {number} [expected]
 * @property {string|null} [contact_name]
 * @property {string|null} [contact_phone]
 *
 * @typedef {object} PageData what the server writes into the page for its script
 * @property {string} lang
 * @property {string} catalogue
 * @property {string|null} [briefing] on the operator's page only where the operator chose between two
 * @property {string} [code]
 * @property {number} [threshold] 0..1: rates under it are marked
 * @property {{id: string, title: string}|null} [to_sign] the site's last briefing, over and not yet answered for
 * @property {{name: string, phone?: string|null}} hub
 * @property {PageSite[]} sites
 * @property {string} [zone]
 * @property {boolean} [follows] office staff in the control room: what steers is not there
 */
export {};
