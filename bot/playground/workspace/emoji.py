"""Emoji shortcodes as Slack names them, their characters, and the names that mean the same emoji."""

from __future__ import annotations

from collections.abc import Mapping

_TABLE = """
+1 👍|-1 👎|white_check_mark ✅|x ❌|heavy_check_mark ✔️|heavy_multiplication_x ✖️
ballot_box_with_check ☑️|rocket 🚀|eyes 👀|tada 🎉|warning ⚠️|rotating_light 🚨|no_entry ⛔
no_entry_sign 🚫|octagonal_sign 🛑|stop_button ⏹️|lock 🔒|unlock 🔓|closed_lock_with_key 🔐|key 🔑
shield 🛡️|hourglass ⌛|hourglass_flowing_sand ⏳|stopwatch ⏱️|alarm_clock ⏰|clock1 🕐|clock3 🕒
clock9 🕘|calendar 📆|date 📅|spiral_calendar_pad 🗓️|repeat 🔁|arrows_counterclockwise 🔄
arrows_clockwise 🔃|leftwards_arrow_with_hook ↩️|arrow_right_hook ↪️|arrow_right ➡️|arrow_left ⬅️
arrow_up ⬆️|arrow_down ⬇️|arrow_forward ▶️|double_vertical_bar ⏸️
black_right_pointing_double_triangle_with_vertical_bar ⏭️|fast_forward ⏩|rewind ⏪
black_square_for_stop ⏹️|record_button ⏺️|large_green_circle 🟢|large_yellow_circle 🟡|red_circle 🔴
large_blue_circle 🔵|large_orange_circle 🟠|large_purple_circle 🟣|white_circle ⚪|black_circle ⚫
large_brown_circle 🟤|large_green_square 🟩|large_yellow_square 🟨|large_red_square 🟥
large_blue_square 🟦|white_large_square ⬜|black_large_square ⬛|white_medium_square ◻️
black_medium_square ◼️|small_blue_diamond 🔹|small_orange_diamond 🔸|large_blue_diamond 🔷
large_orange_diamond 🔶|radio_button 🔘|diamond_shape_with_a_dot_inside 💠|wrench 🔧|hammer 🔨
hammer_and_wrench 🛠️|gear ⚙️|nut_and_bolt 🔩|toolbox 🧰|package 📦|floppy_disk 💾|cd 💿
file_cabinet 🗄️|card_file_box 🗃️|card_index 📇|file_folder 📁|open_file_folder 📂|wastebasket 🗑️
clipboard 📋|page_facing_up 📄|page_with_curl 📃|scroll 📜|memo 📝|pencil2 ✏️|pencil 📝|book 📖|books 📚
bookmark 🔖|label 🏷️|paperclip 📎|pushpin 📌|round_pushpin 📍|triangular_flag_on_post 🚩
checkered_flag 🏁|link 🔗|mag 🔍|mag_right 🔎|bulb 💡|bell 🔔|no_bell 🔕|loudspeaker 📢|mega 📣
speech_balloon 💬|thought_balloon 💭|left_speech_bubble 🗨️|hash #️⃣|zero 0️⃣|one 1️⃣|two 2️⃣|three 3️⃣
four 4️⃣|five 5️⃣|six 6️⃣|seven 7️⃣|eight 8️⃣|nine 9️⃣|keycap_ten 🔟|information_source ℹ️|question ❓
grey_question ❔|exclamation ❗|grey_exclamation ❕|bangbang ‼️|interrobang ⁉️|100 💯|fire 🔥|boom 💥
zap ⚡|sparkles ✨|star ⭐|star2 🌟|dizzy 💫|sunny ☀️|cloud ☁️|snowflake ❄️|rainbow 🌈|ocean 🌊
construction 🚧|building_construction 🏗️|factory 🏭|house 🏠|office 🏢|bank 🏦|satellite 🛰️
satellite_antenna 📡|computer 💻|desktop_computer 🖥️|keyboard ⌨️|printer 🖨️|iphone 📱
telephone_receiver 📞|electric_plug 🔌|battery 🔋|battery_low 🪫|test_tube 🧪|microscope 🔬|telescope 🔭
dna 🧬|petri_dish 🧫|syringe 💉|pill 💊|adhesive_bandage 🩹|stethoscope 🩺|ambulance 🚑|fire_engine 🚒
police_car 🚓|truck 🚚|train 🚋|airplane ✈️|ship 🚢|anchor ⚓|parachute 🪂|vertical_traffic_light 🚦
traffic_light 🚥|world_map 🗺️|compass 🧭|globe_with_meridians 🌐|earth_africa 🌍|mountain ⛰️
camping 🏕️|chart_with_upwards_trend 📈|chart_with_downwards_trend 📉|bar_chart 📊|abacus 🧮|moneybag 💰
gem 💎|balance_scale ⚖️|chains ⛓️|dart 🎯|game_die 🎲|jigsaw 🧩|trophy 🏆|medal 🏅|first_place_medal 🥇
crown 👑|gift 🎁|balloon 🎈|confetti_ball 🎊|champagne 🍾|clinking_glasses 🥂|beer 🍺|beers 🍻|coffee ☕
tea 🍵|cake 🍰|birthday 🎂|cookie 🍪|pizza 🍕|apple 🍎|avocado 🥑|hot_pepper 🌶️|popcorn 🍿|smile 😄
smiley 😃|grinning 😀|grin 😁|joy 😂|rolling_on_the_floor_laughing 🤣|slightly_smiling_face 🙂
upside_down_face 🙃|wink 😉|blush 😊|innocent 😇|heart_eyes 😍|sunglasses 😎|nerd_face 🤓
thinking_face 🤔|face_with_monocle 🧐|neutral_face 😐|expressionless 😑|face_with_rolling_eyes 🙄
smirk 😏|relieved 😌|sleeping 😴|sleepy 😪|zzz 💤|grimacing 😬|sweat_smile 😅|sweat 😓|disappointed 😞
worried 😟|confused 😕|slightly_frowning_face 🙁|cry 😢|sob 😭|scream 😱|fearful 😨|cold_sweat 😰
angry 😠|rage 😡|exploding_head 🤯|face_with_head_bandage 🤕|mask 😷|hugging_face 🤗|saluting_face 🫡
shushing_face 🤫|zipper_mouth_face 🤐|partying_face 🥳|pleading_face 🥺|yum 😋|robot_face 🤖|ghost 👻
skull 💀|skull_and_crossbones ☠️|alien 👽|space_invader 👾|hankey 💩|clown_face 🤡|see_no_evil 🙈
hear_no_evil 🙉|speak_no_evil 🙊|wave 👋|raised_hand ✋|hand 🖐️|ok_hand 👌|v ✌️|crossed_fingers 🤞
point_up ☝️|point_up_2 👆|point_down 👇|point_left 👈|point_right 👉|clap 👏|raised_hands 🙌|pray 🙏
handshake 🤝|muscle 💪|fist ✊|facepunch 👊|writing_hand ✍️|call_me_hand 🤙|heart ❤️|orange_heart 🧡
yellow_heart 💛|green_heart 💚|blue_heart 💙|purple_heart 💜|black_heart 🖤|broken_heart 💔
bust_in_silhouette 👤|busts_in_silhouette 👥|technologist 🧑‍💻|female-technologist 👩‍💻
male-technologist 👨‍💻|firefighter 🧑‍🚒|astronaut 🧑‍🚀|construction_worker 👷|detective 🕵️|cop 👮
judge 🧑‍⚖️|mechanic 🧑‍🔧|shrug 🤷|facepalm 🤦|raising_hand 🙋|no_good 🙅|ok_woman 🙆|turtle 🐢
snail 🐌|rabbit 🐰|dog 🐶|cat 🐱|bug 🐛|ant 🐜|bee 🐝|beetle 🪲|penguin 🐧|elephant 🐘|whale 🐳
dolphin 🐬|octopus 🐙|unicorn_face 🦄|dragon 🐉|snake 🐍|crab 🦀|owl 🦉|chipmunk 🐿️|seedling 🌱
evergreen_tree 🌲|four_leaf_clover 🍀|cactus 🌵|white_flag 🏳️|black_flag 🏴|recycle ♻️|sos 🆘|new 🆕
ok 🆗|up 🆙|cool 🆒|free 🆓|id 🆔|parking 🅿️|end 🔚|back 🔙|soon 🔜|top 🔝|heavy_plus_sign ➕
heavy_minus_sign ➖|heavy_division_sign ➗|negative_squared_cross_mark ❎|inbox_tray 📥|outbox_tray 📤
incoming_envelope 📨|envelope ✉️|email 📧|mailbox 📫|newspaper 📰|ticket 🎫|film_frames 🎞️|camera 📷
sunrise 🌅|city_sunset 🌆|night_with_stars 🌃|crescent_moon 🌙|full_moon 🌕|umbrella ☔|droplet 💧
sweat_drops 💦|dash 💨|hole 🕳️|bomb 💣|crystal_ball 🔮|mirror 🪞|door 🚪|ladder 🪜|broom 🧹|soap 🧼
sponge 🧽|fire_extinguisher 🧯|safety_pin 🧷|thread 🧵|yarn 🧶|knot 🪢
"""

SKIN_TONES: Mapping[str, str] = {
    "skin-tone-2": "🏻",
    "skin-tone-3": "🏼",
    "skin-tone-4": "🏽",
    "skin-tone-5": "🏾",
    "skin-tone-6": "🏿",
}

ALIASES: Mapping[str, str] = {
    "thumbsup": "+1",
    "thumbsdown": "-1",
    "collision": "boom",
    "telephone": "telephone_receiver",
    "honeybee": "bee",
    "poop": "hankey",
    "shit": "hankey",
    "punch": "facepunch",
    "laughing": "smile",
    "thinking": "thinking_face",
    "robot": "robot_face",
    "unicorn": "unicorn_face",
    "repeat_arrows": "repeat",
    "green_circle": "large_green_circle",
    "yellow_circle": "large_yellow_circle",
    "blue_circle": "large_blue_circle",
    "orange_circle": "large_orange_circle",
    "large_red_circle": "red_circle",
    "checkered_flags": "checkered_flag",
    "pause_button": "double_vertical_bar",
    "next_track_button": "black_right_pointing_double_triangle_with_vertical_bar",
    "black_medium_small_square": "black_medium_square",
    "information": "information_source",
    "heavy_exclamation_mark": "exclamation",
    "stop_sign": "octagonal_sign",
    "flipper": "dolphin",
    "e-mail": "email",
    "lady_beetle": "beetle",
    "medical_symbol": "stethoscope",
}


def _read_table() -> dict[str, str]:
    pairs = (entry.rsplit(" ", 1) for line in _TABLE.split("\n") for entry in line.split("|") if entry)
    return dict(sorted((name, character) for name, character in pairs))


EMOJI: Mapping[str, str] = _read_table()


def canonical_emoji(name: str, custom: Mapping[str, str]) -> str | None:
    """Give the name under which Slack stores a reaction.

    Args:
        name: a shortcode, with or without colons, possibly with a skin tone (`+1::skin-tone-3`).
        custom: the workspace's own emoji.

    Returns:
        The name without aliases (`thumbsup` is `+1`), its skin tone kept; None if there is no such emoji.
    """
    base, _, tone = name.strip().removeprefix(":").removesuffix(":").partition("::")
    base = ALIASES.get(base, base)
    if base not in EMOJI and base not in custom:
        return None
    if not tone:
        return base
    return f"{base}::{tone}" if tone in SKIN_TONES else None
