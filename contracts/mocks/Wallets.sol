// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @notice A smart wallet of one owner: accepts money, makes calls for its owner, signs with the owner's key.
contract Wallet is IERC1271 {
    address public immutable owner;

    error CallerNotOwner();

    constructor(address owner_) {
        owner = owner_;
    }

    receive() external payable virtual {}

    function execute(address target, bytes calldata data) external payable {
        if (msg.sender != owner) revert CallerNotOwner();
        (bool success, bytes memory answer) = target.call{value: msg.value}(data);
        if (!success) {
            assembly {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }

    function isValidSignature(bytes32 hash, bytes memory signature) public view virtual returns (bytes4) {
        return ECDSA.recover(hash, signature) == owner ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @notice A wallet that takes no payment.
contract BouncingWallet is Wallet {
    error Bounced();

    constructor(address owner_) Wallet(owner_) {}

    receive() external payable override {
        revert Bounced();
    }
}

/// @notice A wallet that burns all the gas it is paid with.
contract BurningWallet is Wallet {
    uint256 private sink;

    constructor(address owner_) Wallet(owner_) {}

    receive() external payable override {
        while (true) sink++;
    }
}

/// @notice A wallet that answers a payment with as much revert data as its gas can pay for.
contract BombWallet is Wallet {
    constructor(address owner_) Wallet(owner_) {}

    receive() external payable override {
        assembly {
            revert(0, 190000)
        }
    }
}

/// @notice A wallet that, when paid, makes one more call: the planned attempt.
contract ReentrantWallet is Wallet {
    address private target;
    bytes private attempt;
    bool public tried;
    bool public succeeded;

    constructor(address owner_) Wallet(owner_) {}

    receive() external payable override {
        if (tried || target == address(0)) return;
        tried = true;
        (succeeded,) = target.call(attempt);
    }

    function plan(address target_, bytes calldata attempt_) external {
        target = target_;
        attempt = attempt_;
    }
}

/// @notice A signer that answers as it feels: for wallets that approve anything, lie, revert or burn gas.
contract MoodyWallet is Wallet {
    enum Mood {
        Honest,
        ApproveAll,
        Revert,
        Burn,
        Bomb,
        ShortAnswer,
        WrongAnswer
    }

    Mood public mood;

    error Refused();

    constructor(address owner_) Wallet(owner_) {}

    function feel(Mood mood_) external {
        mood = mood_;
    }

    function isValidSignature(bytes32 hash, bytes memory signature) public view override returns (bytes4) {
        if (mood == Mood.ApproveAll) return IERC1271.isValidSignature.selector;
        if (mood == Mood.Revert) revert Refused();
        if (mood == Mood.Burn) {
            assembly {
                invalid()
            }
        }
        if (mood == Mood.Bomb) {
            assembly {
                revert(0, 1000000)
            }
        }
        if (mood == Mood.ShortAnswer) {
            assembly {
                mstore(0, shl(224, 0x1626ba7e))
                return(0, 4)
            }
        }
        if (mood == Mood.WrongAnswer) return 0x1626ba7f;
        return super.isValidSignature(hash, signature);
    }
}

/// @notice A signer that writes whenever it is asked, and approves.
contract ScribblingWallet {
    uint256 public asked;

    function isValidSignature(bytes32, bytes calldata) external returns (bytes4) {
        asked++;
        return IERC1271.isValidSignature.selector;
    }
}
