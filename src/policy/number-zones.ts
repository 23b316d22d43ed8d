/**
 * Facts: which time zones the numbers of an area code, a prefix or a country may be in.
 *
 * Sources, read on the date below. Area codes and the prefixes of other countries: the time zone data of Google's
 * libphonenumber (resources/timezones), taken together per area code. Zones of countries: zone.tab of the IANA time zone
 * database, release 2025b, without those that keep the same time from 2026 to 2028 as another of the same country.
 * Corrected where the former is behind: an overlay has the zones of the area code that it lies over (ITU-T E.164, NANPA);
 * Saskatchewan, Yukon, Alaska and Labrador by their own clocks; Saratov, Kaliningrad, Chihuahua and Brazilian area codes
 * by the laws that the IANA data follows. Crimea is not dialled behind +380 and is left out there.
 *
 * Left out: places of a few thousand people that keep another time than the state around them (Lloydminster, Creighton,
 * Hyder, Jackpot), and by which exchange of an area code a number is: numbers are carried over within it.
 */

/** ISO 8601. */
export const NUMBER_ZONES_REVIEWED = '2026-11-21';

/** Zones, and the area codes behind +1 whose numbers are in one of them; all that North America assigned to places. */
export const ZONES_OF_AREA_CODES: Readonly<Record<string, string>> = {
  'America/Anguilla': '264',
  'America/Antigua': '268',
  'America/Barbados': '246',
  'America/Cayman': '345',
  'America/Chicago': `
    205 210 214 217 218 224 225 228 235 251 254 256 262 274 281 309 312 314 316 318 319 320 325 327 331 334 337
    346 353 361 402 405 409 414 417 430 432 447 464 469 479 501 504 507 512 515 531 534 539 557 563 572 573 580
    601 608 612 615 618 629 630 636 641 651 659 660 662 682 689 708 712 713 715 726 730 731 737 763 769 773 779
    806 815 816 817 830 832 847 870 872 901 903 913 918 920 931 936 938 940 945 952 956 972 975 979 985`,
  'America/Denver': '303 307 385 406 435 505 575 719 720 748 801 915 970 983',
  'America/Dominica': '767',
  'America/Edmonton': '368 403 587 780 825',
  'America/Grand_Turk': '649',
  'America/Grenada': '473',
  'America/Halifax': '428 506 782 902',
  'America/Jamaica': '658 876',
  'America/Los_Angeles': `
    206 209 213 253 279 310 323 341 350 360 369 408 415 424 425 442 503 509 510 530 559 562 564 619 626 628 650
    657 661 669 702 707 714 725 738 747 760 805 818 820 831 840 858 909 916 925 949 951 971`,
  'America/Lower_Princes': '721',
  'America/Montserrat': '664',
  'America/Nassau': '242',
  'America/New_York': `
    201 202 203 207 212 215 216 220 223 227 229 231 234 239 240 248 252 260 267 269 272 276 283 301 302 304 305
    313 315 317 321 324 326 329 330 332 336 339 347 351 352 363 380 386 401 404 407 410 412 413 419 434 440 443
    445 463 470 472 475 478 484 502 508 513 516 517 518 540 551 561 567 570 571 582 585 586 603 607 609 610 614
    616 617 631 640 645 646 656 667 678 680 681 686 703 704 706 716 717 718 724 727 728 732 734 740 743 754 757
    762 765 770 771 772 774 781 786 802 803 804 810 813 814 821 826 828 835 838 839 843 845 848 854 856 857 859
    860 862 863 864 865 878 904 908 910 912 914 917 919 929 934 937 941 943 947 948 954 959 973 978 980 984 989`,
  'America/Phoenix': '480 520 602 623',
  'America/Port_of_Spain': '868',
  'America/Puerto_Rico': '787 939',
  'America/Regina': '306 474 639',
  'America/Santo_Domingo': '809 829 849',
  'America/St_Kitts': '869',
  'America/St_Lucia': '758',
  'America/St_Thomas': '340',
  'America/St_Vincent': '784',
  'America/Toronto': `
    226 249 263 289 343 354 365 382 416 437 438 450 468 514 519 548 579 613 647 683 705 742 753 819 873 905 942`,
  'America/Tortola': '284',
  'America/Vancouver': '604',
  'America/Winnipeg': '204 431 584',
  'Atlantic/Bermuda': '441',
  'Pacific/Guam': '671',
  'Pacific/Honolulu': '808',
  'Pacific/Pago_Pago': '684',
  'Pacific/Saipan': '670',
  'America/Adak America/Anchorage': '907',
  'America/Chicago America/Denver': '308 605 620 701 785',
  'America/Chicago America/New_York': '219 270 364 423 448 574 606 812 850 906 930',
  'America/Denver America/Los_Angeles': '208 458 541 775 986',
  'America/Denver America/Phoenix': '928',
  'America/Edmonton America/Vancouver': '236 250 257 672 778',
  'America/Halifax America/St_Johns': '709 879',
  'America/Halifax America/Toronto': '273 367 418 581',
  'America/Toronto America/Winnipeg': '807',
  'America/Edmonton America/Toronto America/Whitehorse America/Winnipeg': '867',
};

/** Behind +1 without a place, such as freephone, or assigned since: anywhere in the United States and Canada. */
const NORTH_AMERICA =
  'America/St_Johns America/Halifax America/New_York America/Chicago America/Regina America/Denver America/Phoenix ' +
  'America/Los_Angeles America/Anchorage America/Adak Pacific/Honolulu';

/** Zones, and the beginnings of international numbers that are in one of them; the longest that fits decides. */
export const ZONES_OF_PREFIXES: Readonly<Record<string, string>> = {
  [NORTH_AMERICA]: '1',

  'Australia/Sydney': '612',
  'Australia/Lord_Howe': '6126563',
  'Australia/Melbourne': '613',
  'Australia/Brisbane': '617',
  'Australia/Brisbane Australia/Sydney': '61755',
  'Australia/Adelaide': '6188',
  'Australia/Darwin': '61889',
  'Australia/Adelaide Australia/Darwin': '6187',
  'Australia/Perth': '6186 6189',
  'Australia/Eucla Australia/Perth': '6189039',
  'Indian/Christmas': '6189164',
  'Indian/Cocos': '6189162',

  'America/Sao_Paulo': `
    5511 5512 5513 5514 5515 5516 5517 5518 5519 5521 5522 5524 5527 5528 5531 5532 5533 5534 5535 5537 5538 5541 5542
    5543 5544 5545 5546 5547 5548 5549 5551 5553 5554 5555 5561 5562 5563 5564 5571 5573 5574 5575 5577 5579 5582 5583
    5584 5585 5586 5587 5588 5589 5591 5593 5594 5596 5598 5599`,
  'America/Recife': '5581',
  'America/Noronha': '55813619',
  'America/Manaus': '5565 5566 5567 5569 5592 5595',
  'America/Manaus America/Rio_Branco': '5597',
  'America/Rio_Branco': '5568',

  'America/Santiago': '562 563 564 565 566 567',
  'Pacific/Easter America/Santiago': '5632',
  'America/Punta_Arenas': '5661 5667',

  'Africa/Kinshasa': '2431',
  'Africa/Lubumbashi': '2432',

  'America/Guayaquil': '5932 5933 5934 5936 5937',

  'Asia/Jakarta': '622 6231 6232 6233 6234 6235 626 627',
  'Asia/Makassar': '6236 6237 6238 624',
  'Asia/Jakarta Asia/Makassar': '625',
  'Asia/Jayapura': '629',

  'America/Mexico_City': '522 5233 524 525 52618 527 5281 529',
  'America/Mexico_City America/Mazatlan': '523',
  'America/Mexico_City America/Matamoros': '528',
  'America/Mazatlan': '52612 52613 52622 52631 52642 52644 52662 52667 52668 52669',
  'America/Tijuana': '52616 52646 52658 52661 52664 52665 52686',
  'America/Ciudad_Juarez': '52656',
  'America/Cancun': '52983 52984 52987 52998',

  'Pacific/Auckland': '643 644 646 647 649',
  'Pacific/Chatham': '643305',

  'Europe/Lisbon': '3512',
  'Atlantic/Azores': '351292 351295 351296',

  'Europe/Madrid': '348 349',
  'Atlantic/Canary': '34822 34828 34922 34928',
  'Europe/Madrid Atlantic/Canary': '3480 3490',

  'Indian/Reunion': '262262 262692 262693',
  'Indian/Mayotte': '262269 262639',
  'Indian/Mayotte Indian/Reunion': '262',

  'Europe/Kaliningrad': '7401',
  'Europe/Moscow': '747 748 749 781 782 7831 7833 7834 7835 7836 7841 7843 7844 7847 7855 786 787',
  'Europe/Samara': '7341 7842 7845 7846 7848 7851',
  'Asia/Yekaterinburg': '734 735',
  'Asia/Omsk': '7381',
  'Asia/Novosibirsk': '7382 7383 7384 7385 7388 7390 7391 7394',
  'Asia/Irkutsk': '7301 7395',
  'Asia/Yakutsk': '7302 7416',
  'Asia/Yakutsk Asia/Vladivostok Asia/Magadan': '7411',
  'Asia/Vladivostok': '7421 7423 7426',
  'Asia/Magadan': '7413 7424',
  'Asia/Kamchatka': '7415 7427',
};

/** By country, for what no prefix above tells: all its zones. Those behind +1 have area codes instead. */
export const ZONES_OF_COUNTRIES: Readonly<Record<string, string>> = {
  AU: 'Australia/Lord_Howe Australia/Sydney Australia/Brisbane Australia/Adelaide Australia/Darwin Australia/Eucla Australia/Perth',
  BR: 'America/Noronha America/Sao_Paulo America/Manaus America/Rio_Branco',
  CD: 'Africa/Kinshasa Africa/Lubumbashi',
  CL: 'America/Santiago America/Punta_Arenas Pacific/Easter',
  EC: 'America/Guayaquil Pacific/Galapagos',
  ES: 'Europe/Madrid Atlantic/Canary',
  FM: 'Pacific/Chuuk Pacific/Pohnpei',
  GL: 'America/Nuuk America/Danmarkshavn America/Thule',
  ID: 'Asia/Jakarta Asia/Makassar Asia/Jayapura',
  KI: 'Pacific/Tarawa Pacific/Kanton Pacific/Kiritimati',
  MN: 'Asia/Ulaanbaatar Asia/Hovd',
  MX: 'America/Cancun America/Mexico_City America/Matamoros America/Ciudad_Juarez America/Mazatlan America/Tijuana',
  NZ: 'Pacific/Auckland Pacific/Chatham',
  PF: 'Pacific/Tahiti Pacific/Marquesas Pacific/Gambier',
  PG: 'Pacific/Port_Moresby Pacific/Bougainville',
  PT: 'Europe/Lisbon Atlantic/Azores',
  RU: 'Europe/Kaliningrad Europe/Moscow Europe/Samara Asia/Yekaterinburg Asia/Omsk Asia/Novosibirsk Asia/Irkutsk Asia/Yakutsk Asia/Vladivostok Asia/Magadan Asia/Kamchatka',
};

/** Countries with one clock, as `country:zone`, by what the name of the zone begins with. */
export const COUNTRIES_OF_ONE_ZONE: Readonly<Record<string, string>> = {
  Africa: `
    AO:Luanda BF:Ouagadougou BI:Bujumbura BJ:Porto-Novo BW:Gaborone CF:Bangui CG:Brazzaville CI:Abidjan
    CM:Douala DJ:Djibouti DZ:Algiers EG:Cairo EH:El_Aaiun ER:Asmara ET:Addis_Ababa GA:Libreville GH:Accra
    GM:Banjul GN:Conakry GQ:Malabo GW:Bissau KE:Nairobi LR:Monrovia LS:Maseru LY:Tripoli MA:Casablanca
    ML:Bamako MR:Nouakchott MW:Blantyre MZ:Maputo NA:Windhoek NE:Niamey NG:Lagos RW:Kigali SD:Khartoum
    SL:Freetown SN:Dakar SO:Mogadishu SS:Juba ST:Sao_Tome SZ:Mbabane TD:Ndjamena TG:Lome TN:Tunis
    TZ:Dar_es_Salaam UG:Kampala ZA:Johannesburg ZM:Lusaka ZW:Harare`,
  America: `
    AR:Argentina/Buenos_Aires AW:Aruba BL:St_Barthelemy BO:La_Paz BQ:Kralendijk BZ:Belize CO:Bogota
    CR:Costa_Rica CU:Havana CW:Curacao GF:Cayenne GP:Guadeloupe GT:Guatemala GY:Guyana HN:Tegucigalpa
    HT:Port-au-Prince MF:Marigot MQ:Martinique NI:Managua PA:Panama PE:Lima PM:Miquelon PY:Asuncion
    SR:Paramaribo SV:El_Salvador UY:Montevideo VE:Caracas`,
  Arctic: `
    SJ:Longyearbyen`,
  Asia: `
    AE:Dubai AF:Kabul AM:Yerevan AZ:Baku BD:Dhaka BH:Bahrain BN:Brunei BT:Thimphu CN:Shanghai CY:Nicosia
    GE:Tbilisi HK:Hong_Kong IL:Jerusalem IN:Kolkata IQ:Baghdad IR:Tehran JO:Amman JP:Tokyo KG:Bishkek
    KH:Phnom_Penh KP:Pyongyang KR:Seoul KW:Kuwait KZ:Almaty LA:Vientiane LB:Beirut LK:Colombo MM:Yangon
    MO:Macau MY:Kuala_Lumpur NP:Kathmandu OM:Muscat PH:Manila PK:Karachi PS:Gaza QA:Qatar SA:Riyadh
    SG:Singapore SY:Damascus TH:Bangkok TJ:Dushanbe TL:Dili TM:Ashgabat TW:Taipei UZ:Samarkand
    VN:Ho_Chi_Minh YE:Aden`,
  Atlantic: `
    AC:St_Helena CV:Cape_Verde FK:Stanley FO:Faroe IS:Reykjavik SH:St_Helena TA:St_Helena`,
  Europe: `
    AD:Andorra AL:Tirane AT:Vienna AX:Mariehamn BA:Sarajevo BE:Brussels BG:Sofia BY:Minsk CH:Zurich
    CZ:Prague DE:Berlin DK:Copenhagen EE:Tallinn FI:Helsinki FR:Paris GB:London GG:Guernsey GI:Gibraltar
    GR:Athens HR:Zagreb HU:Budapest IE:Dublin IM:Isle_of_Man IT:Rome JE:Jersey LI:Vaduz LT:Vilnius
    LU:Luxembourg LV:Riga MC:Monaco MD:Chisinau ME:Podgorica MK:Skopje MT:Malta NL:Amsterdam NO:Oslo
    PL:Warsaw RO:Bucharest RS:Belgrade SE:Stockholm SI:Ljubljana SK:Bratislava SM:San_Marino TR:Istanbul
    UA:Kyiv VA:Vatican XK:Belgrade`,
  Indian: `
    CC:Cocos CX:Christmas IO:Chagos KM:Comoro MG:Antananarivo MU:Mauritius MV:Maldives RE:Reunion SC:Mahe
    YT:Mayotte`,
  Pacific: `
    CK:Rarotonga FJ:Fiji MH:Majuro NC:Noumea NF:Norfolk NR:Nauru NU:Niue PW:Palau SB:Guadalcanal TK:Fakaofo
    TO:Tongatapu TV:Funafuti VU:Efate WF:Wallis WS:Apia`,
};
